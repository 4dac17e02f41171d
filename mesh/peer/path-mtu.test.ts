import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { fuzzRuns } from '../../test/fuzz/fuzz-runs.js';
import { MTU_CONFIRM_MS, MTU_FIRST_RAISE_MS, MTU_RAISE_MS, MTU_TRIES } from '../limits.js';
import { mtuPollAt, stepMtu, unknownPathMtu } from './path-mtu.js';
import type { PathMtu } from './path-mtu.js';

/** A path with one truth, on which a probe is answered after the round trip or not at all. */
class Path {
  nowMs = 0;
  probes: number[] = [];
  lastHeardMs = 0;
  isDead = false;
  constructor(
    public mtu: PathMtu,
    public truthBytes: number,
    readonly roundTripMs = 10,
  ) {}

  start(): this {
    this.mtu = stepMtu(this.mtu, { type: 'start' }, this.nowMs).mtu;
    return this;
  }

  run(forMs: number): this {
    const endMs = this.nowMs + forMs;
    const answers: { atMs: number; sizeBytes: number }[] = [];
    for (;;) {
      const dueMs = Math.max(mtuPollAt(this.mtu) ?? Infinity, this.nowMs);
      const answer = answers[0];
      const nextMs = Math.min(dueMs, answer?.atMs ?? Infinity);
      if (nextMs > endMs) break;
      this.nowMs = nextMs;
      if (!this.isDead) this.lastHeardMs = nextMs;
      if (answer !== undefined && answer.atMs <= nextMs) {
        answers.shift();
        this.mtu = stepMtu(this.mtu, { type: 'answer', sizeBytes: answer.sizeBytes }, nextMs).mtu;
        continue;
      }
      const { lastHeardMs } = this;
      const result = stepMtu(this.mtu, { type: 'tick', lastHeardMs, roundTripMs: null }, nextMs);
      this.mtu = result.mtu;
      if (result.probeBytes === null) continue;
      this.probes.push(result.probeBytes);
      const passes = result.probeBytes <= this.truthBytes && !this.isDead;
      if (passes) answers.push({ atMs: nextMs + this.roundTripMs, sizeBytes: result.probeBytes });
    }
    this.nowMs = endMs;
    return this;
  }
}

describe('the path-MTU search', () => {
  it('is done after one probe where the path takes the whole interface MTU', () => {
    const path = new Path(unknownPathMtu(1500), 1500).start().run(5_000);
    expect(path.probes).toEqual([1500]);
    expect(path.mtu.mtuBytes).toBe(1500);
  });

  it('assumes 1280 until it knows', () => {
    expect(unknownPathMtu(1500).mtuBytes).toBe(1280);
    expect(unknownPathMtu(1250).mtuBytes).toBe(1250);
    expect(unknownPathMtu(1500, 1400).mtuBytes).toBe(1400);
  });

  it.each([
    [1200, 1500, 1200],
    [1279, 1500, 1200],
    [1280, 1500, 1280],
    [1420, 1500, 1420],
    [1450, 9001, 1420],
    [1499, 1500, 1460],
    [1500, 9001, 1500],
    [8950, 9001, 8900],
    [9001, 9001, 9001],
    [65535, 1500, 1500],
  ])('finds on a path of %i with an interface of %i the size %i', (truthBytes, capBytes, expected) => {
    const path = new Path(unknownPathMtu(capBytes), truthBytes).start().run(10_000);
    expect(path.mtu.mtuBytes).toBe(expected);
    expect(path.mtu.phase.name).toBe('settled');
  });

  it('takes an answer that comes later than the retries', () => {
    const path = new Path(unknownPathMtu(9000), 9000, 450).start().run(10_000);
    expect(path.mtu.mtuBytes).toBe(9000);
  });

  it('confirms a settled size with a full-size probe now and then', () => {
    const path = new Path(unknownPathMtu(1500), 1500).start().run(MTU_CONFIRM_MS * 4);
    expect(path.probes).toEqual([1500, 1500, 1500, 1500]);
  });

  it('leaves a black hole for the base size, and finds what still passes', () => {
    const path = new Path(unknownPathMtu(1500), 1500).start().run(1_000);
    path.truthBytes = 1300;
    path.mtu = stepMtu(path.mtu, { type: 'doubt' }, path.nowMs).mtu;
    path.run(1_501);
    expect(path.mtu.mtuBytes).toBe(1200);
    path.run(2_000);
    expect(path.mtu.mtuBytes).toBe(1280);
  });

  it('keeps its size while the peer is silent altogether', () => {
    const path = new Path(unknownPathMtu(1500), 1500).start().run(1_000);
    path.isDead = true;
    path.run(120_000);
    expect(path.mtu.mtuBytes).toBe(1500);
  });

  it('looks for more after half a minute, and keeps what it has meanwhile', () => {
    const path = new Path(unknownPathMtu(1500), 1420).start().run(5_000);
    path.truthBytes = 1500;
    expect(path.run(MTU_FIRST_RAISE_MS - 5_000).mtu.mtuBytes).toBe(1420);
    expect(path.run(5_000).mtu.mtuBytes).toBe(1500);
  });

  it('looks for more less and less often where there is no more, at last every ten minutes', () => {
    const path = new Path(unknownPathMtu(1500), 1420).start().run(5_000);
    const searches = (forMs: number) => {
      path.probes = [];
      path.run(forMs);
      return path.probes.filter((size) => size === 1500).length / MTU_TRIES;
    };
    expect(searches(25 * 60_000)).toBe(5);
    expect(searches(3 * MTU_RAISE_MS)).toBe(3);
  });

  it('soon looks for what the lost probes of its first search would have found', () => {
    const path = new Path(unknownPathMtu(1500), 1300).start().run(5_000);
    expect(path.mtu.mtuBytes).toBe(1280);
    path.truthBytes = 1500;
    expect(path.run(MTU_FIRST_RAISE_MS).mtu.mtuBytes).toBe(1500);
  });

  it('tries each size three times at first contact', () => {
    const path = new Path(unknownPathMtu(1500), 1400).start().run(5_000);
    const tries = (size: number) => path.probes.filter((probe) => probe === size).length;
    expect([tries(1500), tries(1280), tries(1400), tries(1420), tries(1460)]).toEqual([MTU_TRIES, 1, 1, MTU_TRIES, 0]);
  });

  it('uses a remembered size at once, and takes it back when it no longer passes', () => {
    const path = new Path(unknownPathMtu(1500, 1500), 1420).start();
    expect(path.mtu.mtuBytes).toBe(1500);
    path.run(2_000);
    expect(path.mtu.mtuBytes).toBe(1420);
    path.start();
    expect(path.mtu.mtuBytes).toBe(1280);
  });

  it('never exceeds the interface, whatever is answered', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1200, max: 9216 }),
        fc.array(fc.tuple(fc.nat(70_000), fc.nat(2_000))),
        (cap, answers) => {
          const path = new Path(unknownPathMtu(cap), 65535).start();
          for (const [sizeBytes, waitMs] of answers) {
            path.mtu = stepMtu(path.mtu, { type: 'answer', sizeBytes }, path.nowMs).mtu;
            path.run(waitMs);
            expect(path.mtu.mtuBytes).toBeLessThanOrEqual(cap);
            expect(path.mtu.mtuBytes).toBeGreaterThanOrEqual(1200);
          }
          expect(path.probes.every((size) => size <= cap)).toBe(true);
        },
      ),
      { numRuns: fuzzRuns(10) },
    );
  });
});

describe('a change of the MTU of our own interface', () => {
  const settled = (cap: number, truth = cap) => new Path(unknownPathMtu(cap), truth).start().run(30_000);
  const change = (path: Path, event: Parameters<typeof stepMtu>[1]) => {
    path.mtu = stepMtu(path.mtu, event, path.nowMs).mtu;
    return path.mtu;
  };

  it('lowers the size at once, without a probe', () => {
    const path = settled(9001);
    const probes = path.probes.length;
    expect(change(path, { type: 'cap', capBytes: 1500 }).mtuBytes).toBe(1500);
    expect(path.run(5_000).probes).toHaveLength(probes);
  });

  it('is searched upwards when it grows', () => {
    const path = settled(1500);
    path.truthBytes = 9001;
    change(path, { type: 'cap', capBytes: 9001 });
    expect(path.run(1_000).mtu.mtuBytes).toBe(9001);
  });

  it('is kept while the link is down', () => {
    const mtu = stepMtu(unknownPathMtu(1500), { type: 'cap', capBytes: 1400 }, 0).mtu;
    expect(mtu).toMatchObject({ capBytes: 1400, phase: { name: 'idle' } });
  });

  it('that only the kernel knows lowers the size at the first refusal, and the largest that passes is found', () => {
    const path = settled(9001);
    path.truthBytes = 1500;
    expect(change(path, { type: 'refused' }).mtuBytes).toBe(1200);
    expect(path.run(10_000).mtu.mtuBytes).toBe(1500);
  });
});
