import { describe, expect, it } from '@jest/globals';
import { SeededRandom } from './seeded-random.js';
import { SimNetwork } from './sim-network.js';
import { isFullMesh } from './sim-node.js';
import { SimPaths, transit } from './sim-paths.js';
import { SimProcessor } from './sim-processor.js';
import type { PathProperties } from './sim-paths.js';
import { simulation } from './simulation.js';

const [A, B, C] = [{ number: 1 }, { number: 2 }, { number: 3 }];

/** What becomes of many packets of 1000 bytes on a path. */
function transits(change: Partial<PathProperties>, count = 2_000) {
  const paths = new SimPaths();
  paths.changeAll(change);
  const random = new SeededRandom(1);
  return Array.from({ length: count }, () => transit(paths.properties(A, B), 1_000, random));
}

/** A run of three nodes, as its log. */
function loggedRun(seed: number): string {
  const network = new SimNetwork(seed);
  network.paths.changeAll({ loss: 0.2, duplication: 0.1, reordering: 0.1, jitterMs: 20 });
  network.startCluster(3);
  network.run(5_000);
  return network.log.text();
}

describe('the paths of a simulated network', () => {
  it('have properties for each direction', () => {
    const paths = new SimPaths();
    paths.changeOneWay(A, B, { isBlocked: true });
    paths.changeBetween([A], [C], { mtuBytes: 1300 });
    expect(paths.properties(A, B).isBlocked).toBe(true);
    expect(paths.properties(B, A).isBlocked).toBe(false);
    expect([paths.properties(A, C).mtuBytes, paths.properties(C, A).mtuBytes]).toEqual([1300, 1300]);
    expect(paths.properties(B, C).mtuBytes).toBe(1500);
    paths.changeAll({ isBlocked: false, delayMs: 9 });
    expect(paths.properties(A, B)).toMatchObject({ isBlocked: false, delayMs: 9 });
    expect(paths.properties(A, C)).toMatchObject({ mtuBytes: 1300, delayMs: 9 });
  });

  it('drop what is blocked, larger than the path MTU, or lost', () => {
    expect(new Set(transits({ isBlocked: true }).map(({ fate }) => fate))).toEqual(new Set(['blocked']));
    expect(new Set(transits({ mtuBytes: 999 }).map(({ fate }) => fate))).toEqual(new Set(['tooLarge']));
    const lost = transits({ loss: 0.3 }).filter(({ fate }) => fate === 'lost').length;
    expect(lost / 2_000).toBeGreaterThan(0.25);
    expect(lost / 2_000).toBeLessThan(0.35);
  });

  it('delay, duplicate and reorder the rest', () => {
    const delaysOf = (change: Partial<PathProperties>) =>
      transits(change).map((outcome) => (outcome.fate === 'delivered' ? outcome.delaysMs : []));
    const jittered = delaysOf({ delayMs: 10, jitterMs: 5 }).flat();
    expect(Math.min(...jittered)).toBeGreaterThanOrEqual(10);
    expect(Math.max(...jittered)).toBeLessThan(15);
    const twice = delaysOf({ duplication: 0.5 }).filter(({ length }) => length === 2).length;
    expect(twice / 2_000).toBeGreaterThan(0.45);
    const held = delaysOf({ delayMs: 10, jitterMs: 0, reordering: 0.1 }).flat();
    expect(new Set(held)).toEqual(new Set([10, 20]));
  });
});

describe('a simulated network', () => {
  it('runs the same with the same seed', () => {
    expect(loggedRun(4)).toBe(loggedRun(4));
    expect(loggedRun(4)).not.toBe(loggedRun(5));
  });

  it('runs while a condition holds, and returns how long that was', () => {
    const network = new SimNetwork(1);
    expect(network.runWhile(() => true, 1_000)).toBe(1_000);
    const nodes = network.startCluster(2);
    network.runUntil(() => isFullMesh(nodes), 5_000);
    const startMs = network.nowMs;
    network.at(startMs + 500, () => nodes[1]!.kill());
    const heldMs = network.runWhile(() => nodes[1]!.router !== null, 5_000);
    expect(heldMs).toBeGreaterThanOrEqual(500);
    expect(heldMs).toBeLessThan(700);
  });

  it('shows its last messages when a test fails', () => {
    const test = simulation(1, (network) => {
      network.startCluster(2);
      network.run(100);
      expect('found').toBe('expected');
    });
    let thrown: unknown = null;
    try {
      test();
    } catch (error) {
      thrown = error;
    }
    const { message, stack } = thrown as Error;
    for (const text of [message, stack]) {
      expect(text).toContain('found');
      expect(text).toContain('Last messages (seed 1):');
      expect(text).toMatch(/0\.0 ms {2}node 2 -> node 1 {2}initiation.* arrives after \d\.\d ms/);
      expect(text).toMatch(/node 1 -> node 2 {2}response/);
      expect(text).toMatch(/node 2 -> node 1 {2}digest \(2 from/);
    }
  });
});

describe('the processor of a simulated process', () => {
  /** Times at which pieces of work of this cost are done, all submitted at once. */
  function doneAt(network: SimNetwork, cpu: SimProcessor, pieces: number, costUs: number): number[] {
    const times: number[] = [];
    for (let i = 0; i < pieces; i++) cpu.submit({ run: () => costUs, done: () => times.push(network.nowMs) });
    network.run(10_000);
    return times;
  }

  it('does one piece of work after the other, each for its cost, longer with a share of a core', () => {
    const network = new SimNetwork(1);
    const whole = new SimProcessor(network, { share: 1, maxQueued: 10 });
    expect(doneAt(network, whole, 3, 2_000)).toEqual([2, 4, 6]);
    const quarter = new SimProcessor(network, { share: 0.25, maxQueued: 10 });
    const startMs = network.nowMs;
    expect(doneAt(network, quarter, 2, 2_000).map((atMs) => atMs - startMs)).toEqual([8, 16]);
    expect([whole.busyMs, quarter.busyMs]).toEqual([6, 4]);
  });

  it('refuses work beyond the bound of its queue', () => {
    const network = new SimNetwork(1);
    const cpu = new SimProcessor(network, { share: 1, maxQueued: 4 });
    expect(doneAt(network, cpu, 10, 1_000)).toEqual([1, 2, 3, 4, 5]);
    expect([cpu.refused, cpu.longestQueue]).toEqual([5, 4]);
  });

  it('stands still while it is blocked, and does nothing more once it is stopped', () => {
    const network = new SimNetwork(1);
    const cpu = new SimProcessor(network, { share: 1, maxQueued: 10 });
    cpu.block(500);
    expect(doneAt(network, cpu, 2, 0)).toEqual([500, 500]);
    cpu.submit({ run: () => 1_000, done: () => expect('done').toBe('stopped') });
    cpu.stop();
    expect(doneAt(network, cpu, 1, 0)).toEqual([]);
  });

  it('tells a core of the peers whose counters have changed, and of all when it connects', () => {
    const network = new SimNetwork(3);
    const nodes = network.startCluster(3);
    network.run(5_000);
    const router = nodes[0]!.router!;
    router.counters(network.nowMs);
    expect(router.counters(network.nowMs)).toEqual([]);
    network.run(1);
    router.reportAll();
    expect(
      router
        .counters(network.nowMs)
        .map(({ peer }) => peer)
        .sort(),
    ).toEqual([nodes[1]!.id, nodes[2]!.id].sort());
  });
});
