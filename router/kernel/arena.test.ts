import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { HeddleError } from '../../common/errors.js';
import { Arena } from './arena.js';

const TWO_POW_31 = 2 ** 31;
const TWO_POW_32 = 2 ** 32;

/** Whether a huge page's start between 1 and 2 GiB has `bytes` free; other tests of this process hold arenas there. */
function hasLowRoom(bytes: number): boolean {
  const taken = readFileSync('/proc/self/maps', 'utf8')
    .trim()
    .split('\n')
    .map((line) =>
      line
        .split(' ')[0]!
        .split('-')
        .map((text) => parseInt(text, 16)),
    );
  for (let start = TWO_POW_31 / 2; start + bytes <= TWO_POW_31; start += 1 << 21) {
    if (taken.every(([from = 0, to = 0]) => to <= start || from >= start + bytes)) return true;
  }
  return false;
}

describe('the arena', () => {
  it('lies below 2 GiB while there is room', () => {
    const room = hasLowRoom(1 << 20);
    const arena = new Arena(1 << 20);
    expect(arena.base + arena.bytes <= TWO_POW_31).toBe(room);
    expect(arena.baseHigh * TWO_POW_32 + arena.baseLow).toBe(arena.base);
  });

  it('lies elsewhere when there is no room, and never across a 4 GiB boundary', () => {
    const large = new Arena(2 ** 30 + 4096);
    expect(large.base).toBeGreaterThanOrEqual(TWO_POW_31);
    expect(large.baseLow + large.bytes).toBeLessThanOrEqual(TWO_POW_32);
    large.u8[large.bytes - 1] = 7;
    expect(large.u8[large.bytes - 1]).toBe(7);
  });

  it('gives out aligned ranges that do not overlap, until it is full', () => {
    const arena = new Arena(1 << 16);
    const first = arena.allocate(100);
    const second = arena.allocate(10, 4096);
    const third = arena.allocate(1);
    expect([first % 64, second % 4096, third % 64]).toEqual([0, 0, 0]);
    expect(second).toBeGreaterThanOrEqual(first + 100);
    expect(third).toBeGreaterThanOrEqual(second + 10);
    expect(() => arena.allocate(1 << 16)).toThrow(HeddleError);
  });

  it('is one memory for all of its views', () => {
    const arena = new Arena(4096);
    const at = arena.allocate(16);
    arena.writeAddress(at, 5);
    arena.writeLength(at + 8, 77);
    expect(arena.view.getBigUint64(at, true)).toBe(BigInt(arena.base + 5));
    expect(arena.view.getBigUint64(at + 8, true)).toBe(77n);
    expect(arena.i32[(at + 8) >>> 2]).toBe(77);
  });

  it('erases a secret after the call', () => {
    const arena = new Arena(4096);
    const secret = new Uint8Array(32).fill(0xab);
    const at = arena.placeSecret(secret);
    expect(arena.u8.subarray(at, at + 32)).toEqual(secret);
    arena.eraseSecret(at, 32);
    expect(arena.u8.includes(0xab)).toBe(false);
    expect(arena.placeSecret(secret)).toBe(at);
  });
});
