import { describe, expect, it } from '@jest/globals';
import { replaceFile } from '../../common/storage/disk.js';
import { CrashingDisk } from '../../common/testing/crashing-disk.js';
import { VirtualClock } from '../../common/testing/virtual-clock.js';
import { StateDisk } from './state-disk.js';

async function harness() {
  const clock = new VirtualClock();
  const host = { problem: null as string | null, changes: 0 };
  const crashing = new CrashingDisk(() => 0);
  const state = new StateDisk({
    disk: crashing,
    directory: '/state',
    look: () => Promise.resolve(host.problem),
    clock,
  });
  const write = () => replaceFile(state.disk, '/state/file', Uint8Array.of(1), 0o600);
  await state.disk.makeDirectory('/state');
  await state.start(write, () => host.changes++);
  return { clock, host, crashing, state, write };
}

describe('StateDisk', () => {
  it('knows within five seconds that the directory became read-only or full, and that it is good again', async () => {
    const { clock, host, state } = await harness();
    expect(state.problem).toBeNull();
    host.problem = '/state is not writable: EROFS';
    await clock.advanceSettled(5_000);
    expect(state.problem).toContain('EROFS');
    host.problem = null;
    await clock.advanceSettled(5_000);
    expect([state.problem, host.changes]).toEqual([null, 2]);
    await state.stop();
    expect(clock.pending).toBe(0);
  });

  it('knows at once of a failed write, and writes again by itself until that succeeds', async () => {
    const { clock, crashing, host, state, write } = await harness();
    crashing.failAfter(1);
    await expect(write()).rejects.toMatchObject({ code: 'STORE_FAILED' });
    expect(state.problem).toContain('the last write failed');
    crashing.failAfter(1);
    await clock.advanceSettled(5_000);
    expect(state.problem).toContain('the last write failed');
    await clock.advanceSettled(5_000);
    expect([state.problem, host.changes]).toEqual([null, 2]);
  });
});
