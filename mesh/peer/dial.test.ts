import { describe, expect, it } from '@jest/globals';
import { parseIpAddress } from '../../common/address/ip-address.js';
import { parseSocketAddress } from '../../common/address/socket-address.js';
import { Dial, dialable } from './dial.js';

const address = (n: number) => parseSocketAddress(`192.0.2.${n}:6785`);

describe('dialling', () => {
  it('waits longer after every try, up to the cap, with jitter', () => {
    const dial = new Dial(0);
    const waits: number[] = [];
    for (let i = 0; i < 8; i++) {
      const now = dial.nextMs;
      dial.tried(5_000, 0.5, now);
      waits.push(dial.nextMs - now);
    }
    expect(waits).toEqual([100, 200, 400, 800, 1600, 3200, 5000, 5000]);
    dial.restart(dial.nextMs);
    dial.tried(5_000, 0, 0);
    expect(dial.nextMs).toBe(75);
  });

  it('hurries without starting the back-off over', () => {
    const dial = new Dial(0);
    for (let i = 0; i < 8; i++) dial.tried(5_000, 0.5, 0);
    dial.hurry(7);
    expect(dial.nextMs).toBe(7);
    dial.tried(5_000, 0.5, 7);
    expect(dial.nextMs).toBe(5_007);
  });

  it('gets to every address in turn, a few at a time', () => {
    const dial = new Dial(0);
    const all = Array.from({ length: 10 }, (_, n) => address(n + 1));
    const seen = new Set<number>();
    for (let i = 0; i < 5; i++) {
      const picked = dial.pick(all);
      expect(picked).toHaveLength(4);
      for (const item of picked) seen.add(all.indexOf(item));
      dial.tried(5_000, 0, 0);
    }
    expect(seen.size).toBe(10);
  });

  it('leaves out what is twice there and what is our own', () => {
    expect(dialable([null, address(1), address(2), address(1)], [parseIpAddress('192.0.2.2')])).toEqual([address(1)]);
  });
});
