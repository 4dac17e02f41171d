import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemDisk } from '../../common/storage/disk.js';
import { silentLogger } from '../../common/log.js';
import type { NodeId } from '../../common/node-id.js';
import { AdvertCache, NO_MEMBERS } from './advert-cache.js';
import type { KnownMembers } from './advert-cache.js';
import { VirtualClock } from '../../common/testing/virtual-clock.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'heddle-adverts-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function cache() {
  const clock = new VirtualClock();
  const path = join(folder, 'adverts.json');
  return { clock, path, adverts: new AdvertCache({ disk: systemDisk, path, clock, log: silentLogger() }) };
}
const ID = '0123456789abcdef0123456789abcdef' as NodeId;
const known = (...bytes: number[]): KnownMembers => ({
  adverts: bytes.map((byte) => Uint8Array.of(byte, byte)),
  stamps: { own: 7, accepted: [[ID, 5]], firstHeard: [[ID, 6]], revocations: [Uint8Array.of(7, 8)], left: [ID] },
});

describe('AdvertCache', () => {
  it('gives back after a restart what was last known', async () => {
    const { adverts } = cache();
    adverts.changed(() => known(1, 2));
    await adverts.flush();
    expect(await cache().adverts.load()).toEqual(known(1, 2));
  });

  it('writes a burst of changes once, with the state at the time of writing', async () => {
    const { clock, path, adverts } = cache();
    let state = known(1);
    adverts.changed(() => state);
    adverts.changed(() => state);
    expect(clock.pending).toBe(1);
    expect(existsSync(path)).toBe(false);
    state = known(3);
    clock.advance(1_000);
    await adverts.flush();
    expect(await adverts.load()).toEqual(known(3));
  });

  it('starts empty without a file and with a damaged one', async () => {
    const { path, adverts } = cache();
    expect(await adverts.load()).toEqual(NO_MEMBERS);
    writeFileSync(path, '{"adverts": 7');
    expect(await adverts.load()).toEqual(NO_MEMBERS);
  });
});
