import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemDisk } from '../../common/storage/disk.js';
import { silentLogger } from '../../common/log.js';
import { AdvertCache } from './advert-cache.js';
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
const advert = (byte: number) => Uint8Array.of(byte, byte);

describe('AdvertCache', () => {
  it('gives back after a restart what was last known', async () => {
    const { adverts } = cache();
    adverts.changed(() => [advert(1), advert(2)]);
    await adverts.flush();
    expect(await cache().adverts.load()).toEqual([advert(1), advert(2)]);
  });

  it('writes a burst of changes once, with the state at the time of writing', async () => {
    const { clock, path, adverts } = cache();
    let state = [advert(1)];
    adverts.changed(() => state);
    adverts.changed(() => state);
    expect(clock.pending).toBe(1);
    expect(existsSync(path)).toBe(false);
    state = [advert(3)];
    clock.advance(1_000);
    await adverts.flush();
    expect(await adverts.load()).toEqual([advert(3)]);
  });

  it('starts empty without a file and with a damaged one', async () => {
    const { path, adverts } = cache();
    expect(await adverts.load()).toEqual([]);
    writeFileSync(path, '{"adverts": 7');
    expect(await adverts.load()).toEqual([]);
  });
});
