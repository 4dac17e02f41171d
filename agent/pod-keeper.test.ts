import { describe, expect, it } from '@jest/globals';
import { HeddleError } from '../common/errors.js';
import { silentLogger } from '../common/log.js';
import { NoticeLog } from '../common/notice-log.js';
import { PodKeeper } from './pod-keeper.js';
import { settle, VirtualClock } from '../common/testing/virtual-clock.js';

function harness() {
  const clock = new VirtualClock();
  const host = { fails: false, canInstall: true };
  const done: string[] = [];
  const keeper = new PodKeeper<string>({
    replayDeferredDeletes: () => Promise.resolve(done.push('replay')),
    liveAttachments: () =>
      host.fails ? Promise.reject(new HeddleError('COMMAND_FAILED', 'ip failed')) : Promise.resolve(['pod-a']),
    reconcileAddresses: (live) => Promise.resolve(done.push(`addresses of ${live.join()}`)),
    canInstall: () => host.canInstall,
    installCni: () => Promise.resolve(done.push('install') > 0),
    clock,
    notices: new NoticeLog(silentLogger(), clock),
    onReconciled: () => done.push('reconciled'),
  });
  return { clock, host, done, keeper };
}

describe('PodKeeper', () => {
  it('replays, reconciles and only then installs', async () => {
    const { done, keeper } = harness();
    expect(keeper.reconciled).toBe(false);
    await keeper.start();
    expect(done).toEqual(['replay', 'addresses of pod-a', 'reconciled', 'install']);
    expect(keeper.reconciled).toBe(true);
  });

  it('does it again every minute', async () => {
    const { clock, done, keeper } = harness();
    await keeper.start();
    await clock.advanceSettled(59_999);
    expect(done).toHaveLength(4);
    await clock.advanceSettled(1);
    expect(done).toHaveLength(8);
    await keeper.stop();
    expect(clock.pending).toBe(0);
  });

  it('tries again soon when it could not look, and installs nothing before', async () => {
    const { clock, host, done, keeper } = harness();
    host.fails = true;
    await keeper.start();
    expect(keeper.reconciled).toBe(false);
    expect(done).toEqual(['replay']);
    host.fails = false;
    await clock.advanceSettled(2_000);
    expect(done.slice(1)).toEqual(['replay', 'addresses of pod-a', 'reconciled', 'install']);
  });

  it('installs as soon as it is told that what was missing has come', async () => {
    const { host, done, keeper } = harness();
    host.canInstall = false;
    await keeper.start();
    expect(done).not.toContain('install');
    host.canInstall = true;
    keeper.nudge();
    await settle();
    expect(done.at(-1)).toBe('install');
    keeper.nudge();
    await settle();
    expect(done.filter((step) => step === 'install')).toHaveLength(1);
  });

  it('compares the pods at once when told to, but not before the first run', async () => {
    const { done, keeper } = harness();
    keeper.compare();
    await settle();
    expect(done).toEqual([]);
    await keeper.start();
    keeper.compare();
    await settle();
    expect(done.slice(4)).toEqual(['replay', 'addresses of pod-a', 'reconciled']);
  });

  it('compares the CNI files again when their content may have changed', async () => {
    const { done, keeper } = harness();
    await keeper.start();
    keeper.reinstall();
    await settle();
    expect(done.filter((step) => step === 'install')).toHaveLength(2);
  });
});
