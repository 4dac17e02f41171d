import { describe, expect, it } from '@jest/globals';
import { parseCidr } from '../../common/address/cidr.js';
import { CommandError } from '../../common/errors.js';
import type { Logger } from '../../common/log.js';
import { NoticeLog } from '../../common/notice-log.js';
import { CrashingDisk } from '../../common/testing/crashing-disk.js';
import { VirtualClock } from '../../common/testing/virtual-clock.js';
import { HostKeeper } from './host-keeper.js';
import type { HostNetworkSpec } from './host-plan.js';
import { SettingsRecord } from './settings-record.js';

const spec: HostNetworkSpec = {
  bridgeName: 'heddle0',
  stateDir: '/var/lib/heddle',
  tapName: 'heddle-tap',
  podMtuBytes: 1392,
  podCidrs: [parseCidr('10.1.1.0/24')],
  clusterCidrs: [parseCidr('10.1.0.0/16')],
  narrowCidrs: [],
  masquerade: true,
  listenPort: 6785,
  router: null,
  pods: [],
};

function harness() {
  const clock = new VirtualClock();
  const lines: string[] = [];
  const write = (fields: { part?: string }, message: string) => lines.push(`${message} ${fields.part ?? ''}`.trim());
  const log = { info: write, warn: write, error: write } as unknown as Logger;
  const host = { broken: true, changes: 0, looks: 0 };
  const keeper = new HostKeeper({
    commands: {
      run(program, args) {
        if (program === 'ip' && args.includes('bridge')) host.looks++;
        return Promise.reject(new CommandError(program, null, 'spawn ENOENT'));
      },
    },
    settings: new SettingsRecord(new CrashingDisk(() => 0), '/state', () => 'boot'),
    spec: () => spec,
    clock,
    notices: new NoticeLog(log, clock, 3_600_000),
    onRepair: () => undefined,
    onChange: () => host.changes++,
  });
  return { clock, lines, host, keeper };
}

describe('HostKeeper', () => {
  it('knows nothing before its first run and everything after', async () => {
    const { keeper, host } = harness();
    expect(keeper.problems).toBeNull();
    await keeper.start();
    expect(keeper.problems?.map(({ part }) => part)).toEqual([
      'source guard',
      'bridge',
      'sysctls',
      'forwarding',
      'tap',
      'gateway addresses',
      'next hop',
      'routes',
      'nft table',
      'forward chains',
    ]);
    expect(host.changes).toBe(1);
    await keeper.stop();
  });

  it('looks again every ten seconds and says the same thing once', async () => {
    const { clock, lines, host, keeper } = harness();
    await keeper.start();
    const before = lines.length;
    clock.advance(10_000);
    await keeper.reconcile();
    expect(host.looks).toBeGreaterThan(1);
    expect(lines).toHaveLength(before);
    expect(host.changes).toBe(1);
    await keeper.stop();
    expect(clock.pending).toBe(0);
  });

  it('runs once more when told during a run, however often', async () => {
    const { host, keeper } = harness();
    const runs = [keeper.reconcile(), keeper.reconcile(), keeper.reconcile()];
    await Promise.all(runs);
    expect(host.looks).toBe(2);
    await keeper.reconcile();
    expect(host.looks).toBe(3);
  });
});
