import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { directoryProblem, StateDisk } from '../../agent/control-plane/state-disk.js';
import { parseCidr } from '../../common/address/cidr.js';
import { silentLogger } from '../../common/log.js';
import { systemDisk } from '../../common/storage/disk.js';
import { VirtualClock } from '../../common/testing/virtual-clock.js';
import { Ipam } from '../../ipam/index.js';

/** A disk of 2 MiB, with the record of addresses on it. */
let directory: string;
let state: StateDisk;
let ipam: Ipam;
const owner = (containerId: string) => ({ containerId, ifname: 'eth0' });
const mount = (...args: string[]) => execFileSync('mount', args);

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'heddle-disk-'));
  mount('-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', directory);
  state = new StateDisk({ disk: systemDisk, directory, look: directoryProblem, clock: new VirtualClock() });
  const cidrs = [parseCidr('10.1.0.0/24')];
  ipam = await Ipam.open({ directory, cidrs, log: silentLogger(), disk: state.disk });
  await ipam.reconcile([]);
  await ipam.allocate(owner('a'));
});
afterEach(async () => {
  await state.stop();
  execFileSync('umount', [directory]);
  rmSync(directory, { recursive: true });
});

/** What the watch finds at a look. */
async function watched(): Promise<string | null> {
  await state.start(
    () => ipam.rewrite(),
    () => undefined,
  );
  const { problem } = state;
  await state.stop();
  return problem;
}

describe('a state disk on the real kernel', () => {
  it('that is full is a problem, and no longer one with room again', async () => {
    expect(await watched()).toBeNull();
    const ballast = join(directory, 'ballast');
    expect(() => writeFileSync(ballast, Buffer.alloc(3 << 20))).toThrow('ENOSPC');
    await expect(ipam.allocate(owner('b'))).rejects.toMatchObject({ code: 'STORE_FAILED' });
    expect(await watched()).toContain(`0 KiB are free for ${directory}, 1024 KiB are needed`);
    rmSync(ballast);
    expect(await watched()).toBeNull();
    expect((await ipam.allocate(owner('b')))[0]!.ip).toBe('10.1.0.3');
  });

  it('that is read-only is a problem, and no longer one when it is writable again', async () => {
    mount('--bind', directory, directory);
    mount('-o', 'remount,ro,bind', directory);
    try {
      await expect(ipam.allocate(owner('b'))).rejects.toMatchObject({ code: 'STORE_FAILED' });
      expect(await watched()).toContain('EROFS');
    } finally {
      execFileSync('umount', [directory]);
    }
    expect(await watched()).toBeNull();
    expect((await ipam.allocate(owner('b')))[0]!.ip).toBe('10.1.0.3');
  });
});
