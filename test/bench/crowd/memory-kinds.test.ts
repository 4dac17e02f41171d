import { describe, expect, it } from '@jest/globals';
import { memoryByKind, totalOf } from './memory-kinds.js';

const mapping = (range: string, permissions: string, path: string, rss: number, pss: number): string =>
  [
    `${range} ${permissions} 00000000 00:00 0    ${path}`,
    'Size:               9999 kB',
    `Rss:                ${rss} kB`,
    `Pss:                ${pss} kB`,
    'Pss_Dirty:             4 kB',
    'VmFlags: rd wr mr mw me ac sd',
  ].join('\n');

const SMAPS = [
  mapping('00400000-05000000', 'r-xp', '/usr/bin/node', 40_000, 10_000),
  mapping('05fa1000-06400000', 'rw-p', '[heap]', 300, 300),
  mapping('40000000-44000000', 'rw-p', '', 2048, 2048),
  mapping('1f2a40040000-1f2a40080000', 'rw-p', '', 256, 256),
  mapping('7f0a00001000-7f0a00002000', 'rwxp', '', 4, 4),
  mapping('7f0a84000000-7f0a84100000', 'rw-p', '', 700, 700),
  mapping('7f0a90001000-7f0a90101000', 'rw-p', '', 50, 50),
  mapping('7ffd1d5e2000-7ffd1d603000', 'rw-p', '[stack]', 10, 10),
].join('\n');

describe('resident memory', () => {
  it('is split by address and kind of its mappings', () => {
    const kib = (rss: number, pss = rss): object => ({ rss: rss * 1024, pss: pss * 1024 });
    expect(memoryByKind(SMAPS)).toEqual({
      program: kib(40_000, 10_000),
      arena: kib(2048),
      malloc: kib(1000),
      v8: kib(260),
      other: kib(60),
    });
  });

  it('adds up', () => {
    expect(totalOf(memoryByKind(SMAPS))).toEqual({ rss: 43_368 * 1024, pss: 13_368 * 1024 });
  });

  it('of a process that is gone is none', () => {
    expect(totalOf(memoryByKind(''))).toEqual({ rss: 0, pss: 0 });
  });
});
