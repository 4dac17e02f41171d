import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HeddleError } from '../common/errors.js';
import { isListening } from '../common/host/unix-socket.js';
import { silentLogger } from '../common/log.js';
import { Handover } from './handover.js';
import { takeInstanceLock } from './instance-lock.js';
import { takeOver } from './take-over.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'heddle-lock-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('takeInstanceLock', () => {
  it('refuses a second instance while the first one lives', async () => {
    const path = join(folder, 'meshd.sock');
    const lock = await takeInstanceLock(path);
    await expect(takeInstanceLock(path)).rejects.toMatchObject({ code: 'ALREADY_RUNNING' });
    expect(await isListening(path)).toBe(true);
    lock.release();
    expect(existsSync(path)).toBe(false);
  });

  it('is for its user alone, also where files are open to all', async () => {
    const path = join(folder, 'meshd.sock');
    const before = process.umask(0);
    const lock = await takeInstanceLock(path);
    process.umask(before);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    lock.release();
  });

  it('is free again after release', async () => {
    const path = join(folder, 'meshd.sock');
    (await takeInstanceLock(path)).release();
    const again = await takeInstanceLock(path);
    again.release();
    expect(await isListening(path)).toBe(false);
  });

  it('replaces a file without a listener', async () => {
    const path = join(folder, 'meshd.sock');
    writeFileSync(path, 'left by a process that was killed');
    const lock = await takeInstanceLock(path);
    expect(await isListening(path)).toBe(true);
    lock.release();
  });

  it('refuses a path that is too long for a socket', async () => {
    await expect(takeInstanceLock(`/${'x'.repeat(120)}/meshd.sock`)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });
});

describe('takeOver', () => {
  const log = silentLogger();
  const path = (): string => join(folder, 'meshd.sock');
  const takeLock = () => takeInstanceLock(path());

  /** A supervisor that holds the lock and hands over. */
  async function owner(passes = true) {
    const events: string[] = [];
    let endRouter: () => void = () => undefined;
    const routerEnded = new Promise<void>((resolve) => (endRouter = resolve));
    const abandoned = new Promise<void>((resolve) => {
      handover = new Handover({
        yield: () => Promise.resolve([7, 8]),
        pass: (fds) => {
          events.push(`pass ${fds.join()}`);
          if (!passes) throw new HeddleError('NOT_FOUND', 'no inbox');
        },
        releaseLock: () => lock.release(),
        routerEnded: () => routerEnded,
        killRouter: () => {
          events.push('kill router');
          endRouter();
        },
        onAbandoned: resolve,
        log,
      });
    });
    const lock = await takeInstanceLock(path(), (socket) => handover.accept(socket));
    return { events, abandoned, handover: handover! };
  }
  let handover: Handover;

  it('takes a free lock', async () => {
    const { lock, former } = await takeOver({ path: path(), log, takeLock });
    expect(former).toBeNull();
    lock.release();
  });

  it.each([true, false])(
    'takes lock and router from a supervisor that hands over (its descriptors pass: %s)',
    async (passes) => {
      const { events, abandoned, handover: given } = await owner(passes);
      const { lock, former } = await takeOver({ path: path(), log, takeLock });
      expect([given.hasBegun, former?.routerForwards]).toEqual([true, true]);
      await former?.endRouter();
      expect(former?.routerForwards).toBe(false);
      expect(events).toEqual(['pass 7,8', 'kill router']);
      // Its connection is all that the former one knows of the next.
      former?.socket.destroy();
      await abandoned;
      lock.release();
    },
  );

  it('waits for the end of a supervisor of a version that does not hand over', async () => {
    const older = await takeInstanceLock(path());
    const taking = takeOver({ path: path(), log, takeLock });
    await expect(takeLock()).rejects.toMatchObject({ code: 'ALREADY_RUNNING' });
    older.release();
    const { lock, former } = await taking;
    expect(former).toBeNull();
    lock.release();
  });
});
