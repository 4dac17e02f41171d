import { describe, expect, it } from '@jest/globals';
import { lostPercent } from './lossy-hop.js';

function listed(rules: readonly object[][]): string {
  const head = [{ metainfo: { version: '1.0.6' } }, { table: { family: 'netdev', name: 'loss' } }];
  return JSON.stringify({ nftables: [...head, ...rules.map((expr) => ({ rule: { chain: 'port1', expr } }))] });
}
const counted = (packets: number): object => ({ counter: { packets, bytes: packets * 1500 } });
const match = { match: { op: '<', left: { numgen: { mode: 'random', mod: 100, offset: 0 } }, right: 1 } };

describe('lostPercent', () => {
  it('compares what all ports dropped with what arrived at them', () => {
    const rules = [
      [counted(9000)],
      [match, counted(95), { drop: null }],
      [counted(1000)],
      [match, counted(5), { drop: null }],
    ];
    expect(lostPercent(listed(rules))).toBe(1);
  });

  it('is none when nothing has arrived', () => {
    expect(lostPercent(listed([[counted(0)], [match, counted(0), { drop: null }]]))).toBe(0);
  });

  it('refuses what is not a list', () => {
    expect(() => lostPercent('Error: No such file')).toThrow('cannot be read');
  });
});
