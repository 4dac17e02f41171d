import { describe, expect, it, jest } from '@jest/globals';
import { Ownership } from '../../mesh/cluster/ownership.js';
import { FAILURE_KINDS, FAULT_KINDS, LIE_KINDS, planFaults } from './faults/fault-kinds.js';
import * as fastAdvert from './fast/advert.js';
import * as fastCurves from './fast/curve-keys.js';
import * as fastSuite from './fast/suite.js';
import { planRun, runSimulation } from './run.js';
import type { RunPlan } from './run.js';
import { shrunk } from './shrink.js';
import { parseSimArguments } from './sim-arguments.js';
import type { SimOptions } from './sim-arguments.js';
import { SimCluster } from './sim-cluster.js';

function optionsOf(...args: string[]): SimOptions {
  const parsed = parseSimArguments(args);
  if (parsed.kind !== 'run') throw new TypeError(JSON.stringify(parsed));
  return parsed.options;
}

function mistakeOf(...args: string[]): string {
  const parsed = parseSimArguments(args);
  return parsed.kind === 'mistake' ? parsed.message : parsed.kind;
}

describe('the command line of the simulator', () => {
  it('has a default for everything', () => {
    expect(optionsOf()).toMatchObject({
      nodes: 30,
      minutes: 2,
      cpu: 1,
      loss: 0,
      faults: [],
      firstSeed: 1,
      lastSeed: 1,
    });
  });

  it('takes lists of faults and ranges of seeds', () => {
    expect(optionsOf('--faults', 'crash,loss').faults).toEqual(['loss', 'crash']);
    expect(optionsOf('--faults', 'all').faults).toEqual(FAILURE_KINDS);
    expect(optionsOf('--faults', 'all,lies').faults).toEqual(FAULT_KINDS);
    expect(optionsOf('--seeds', '3-9')).toMatchObject({ firstSeed: 3, lastSeed: 9 });
  });

  it('names what it does not take', () => {
    expect(mistakeOf('--nodes', '1')).toBe('--nodes "1" is not a number from 2 to 8000');
    expect(mistakeOf('--faults', 'crash,fire')).toContain('--faults "fire" is not one of loss, burst-loss');
    expect(mistakeOf('--seeds', '9-3')).toBe('--seeds "9-3" is not a range such as 1-1000');
    expect(mistakeOf('--cpu', '0')).toBe('--cpu "0" is not a number from 0.01 to 16');
    expect(mistakeOf('--loss', '0.6')).toBe('--loss "0.6" is not a number from 0 to 0.5');
    expect(mistakeOf('--frobnicate')).toContain('--frobnicate');
    expect(mistakeOf('--help')).toBe('help');
  });
});

describe('the plan of faults', () => {
  it('is the same for the same seed, and ends in time', () => {
    const plan = planFaults(FAULT_KINDS, 7, 50_000, 250_000);
    expect(plan).toEqual(planFaults(FAULT_KINDS, 7, 50_000, 250_000));
    expect(plan).not.toEqual(planFaults(FAULT_KINDS, 8, 50_000, 250_000));
    expect(plan).toHaveLength(25);
    for (const { atMs, forMs } of plan) {
      expect(atMs).toBeGreaterThanOrEqual(50_000);
      expect(atMs + forMs).toBeLessThanOrEqual(250_000);
    }
  });

  it('is shrunk to the faults that matter', () => {
    const plan: RunPlan = { ...planRun(optionsOf('--minutes', '5', '--faults', 'all'), 3), nodes: 2 };
    const [first, second] = [plan.faults[4]!, plan.faults[13]!];
    const tried: RunPlan[] = [];
    const smallest = shrunk(plan, (smaller) => {
      tried.push(smaller);
      return smaller.faults.includes(first) && smaller.faults.includes(second);
    });
    expect(smallest.faults).toEqual([first, second]);
    expect(tried.length).toBeLessThan(60);
  });
});

describe('a node that a fault has added', () => {
  it('stays dead when it is removed while another fault keeps it dead, and that one ends', () => {
    const cluster = new SimCluster(1, 1, () => undefined);
    cluster.start(2);
    const clone = cluster.add({ identity: cluster.members[0]!.identity });
    clone.start(cluster.seeds);
    cluster.kill(clone);
    cluster.remove(clone);
    cluster.revive(clone);
    expect([cluster.isLiving(clone), clone.mesh, cluster.removed]).toEqual([false, null, 1]);
  });
});

describe('the fast modules', () => {
  it('seal, agree and sign like the real ones: what was changed does not open or verify', () => {
    const suite = fastSuite.suiteOf('ChaChaPoly', 'BLAKE2s');
    const [key, ad, text] = [new Uint8Array(32).fill(1), new Uint8Array(4), new Uint8Array([1, 2, 3])];
    const sealed = fastSuite.seal(suite, key, 3n, ad, text);
    expect(fastSuite.open(suite, key, 3n, ad, sealed)).toEqual(text);
    expect(() => fastSuite.open(suite, key, 4n, ad, sealed)).toThrow('bad tag');
    expect(() => fastSuite.open(suite, key, 3n, ad, sealed.with(0, 9))).toThrow('bad tag');
    const [a, b] = [1, 2].map((seed) => fastCurves.x25519KeyPair(new Uint8Array(32).fill(seed)));
    expect(fastCurves.x25519(a!.privateKey, b!.publicKey)).toEqual(fastCurves.x25519(b!.privateKey, a!.publicKey));
    const signer = fastCurves.ed25519KeyPair(key);
    const signature = fastCurves.signEd25519(signer.privateKey, text);
    expect(fastCurves.verifyEd25519(signer.publicKey, text, signature)).toBe(true);
    expect(fastCurves.verifyEd25519(a!.publicKey, text, signature)).toBe(false);
  });

  it('have the exports of the modules in whose place they are', async () => {
    const real = await Promise.all([
      import('../../mesh/noise/suite.js'),
      import('../../mesh/wire/curve-keys.js'),
      import('../../mesh/wire/advert.js'),
    ]);
    expect([fastSuite, fastCurves, fastAdvert].map((fast) => Object.keys(fast).sort())).toEqual(
      real.map((module) => Object.keys(module).sort()),
    );
  });
});

describe('a simulation', () => {
  const small = optionsOf('--nodes', '6', '--minutes', '2', '--faults', 'all');

  it('is the same with the same seed, to the last message', () => {
    const outcome = runSimulation(planRun(small, 1));
    expect(runSimulation(planRun(small, 1)).trace).toBe(outcome.trace);
    expect(runSimulation(planRun(small, 2)).trace).not.toBe(outcome.trace);
    expect(outcome).toMatchObject({ falseDeaths: 0, join999Ms: 50, links: 15 });
    expect(outcome.detectMs).toBeLessThan(6_500);
    expect(outcome.revokeMs).toBeLessThan(5_000);
    expect(outcome.frames.arrived).toBeGreaterThan(outcome.frames.sent * 0.9);
  });

  it.each([3, 4, 5])('violates nothing, with faults of all kinds (seed %i)', (seed) => {
    expect(runSimulation(planRun(small, seed)).kept).toEqual([]);
  });

  it('violates nothing while members lie that have the secret, and names each of them', () => {
    // Thousands of invented members take longer: mesh/mesh-hostile.simulation.test.ts has some.
    const kinds = LIE_KINDS.filter((kind) => kind !== 'lie-members');
    const faults = kinds.map((kind, i) => ({ kind, atMs: 51_000 + i * 5_500, forMs: 5_000, seed: i }));
    expect(runSimulation({ ...planRun(small, 1), nodes: 5, minutes: 3, faults }).kept).toEqual([]);
  });

  it('draws the last messages of the nodes in question when the product is wrong', () => {
    const wrong = jest.spyOn(Ownership.prototype, 'lostClaims').mockReturnValue([]);
    try {
      const faults = [{ kind: 'same-cidr', atMs: 51_000, forMs: 20_000, seed: 1 } as const];
      const { kept, diagram } = runSimulation({ ...planRun(small, 1), nodes: 4, faults });
      const [, a, b] = /nodes (\d+) and (\d+) act as owner of/.exec(kept[0]!.text)!;
      const [head, ...arrows] = diagram!.split('\n');
      expect([kept[0]!.invariant, head]).toEqual(['one owner of a CIDR', 'sequenceDiagram']);
      expect(arrows.length).toBeGreaterThan(10);
      expect(arrows.length).toBeLessThanOrEqual(40);
      const isOfBoth = (arrow: string): boolean => [`node${a}`, `node${b}`].every((node) => arrow.includes(node));
      expect(arrows.filter((arrow) => !isOfBoth(arrow))).toEqual([]);
    } finally {
      wrong.mockRestore();
    }
  });

  it('loses a share of all packets when told to, and nobody is taken for dead', () => {
    const { kept, falseDeaths, frames } = runSimulation(planRun(optionsOf('--nodes', '6', '--loss', '0.05'), 1));
    expect({ kept, falseDeaths }).toEqual({ kept: [], falseDeaths: 0 });
    expect(frames.arrived / frames.sent).toBeGreaterThan(0.92);
    expect(frames.arrived / frames.sent).toBeLessThan(0.98);
  });

  it('takes time for the work of a node: with a hundredth of a core, a cluster starts in more than a second', () => {
    const calm = { ...planRun(small, 1), faults: [] };
    expect(runSimulation(calm).startMs).toBeLessThan(200);
    expect(runSimulation({ ...calm, cpu: 0.01 }).startMs).toBeGreaterThan(1_000);
  });
});
