import { describe, expect, it } from '@jest/globals';
import type { CaseName, CaseRun, Figures } from './bench-plan.js';
import { doubtsOf, headlineRatios, ratioOf, summarise } from './summary.js';

function run(name: CaseName, round: number, figures: Figures, more: Partial<CaseRun> = {}): CaseRun {
  return { case: name, round, podMtuBytes: 1450, figures, disturbances: [], problems: [], ...more };
}

describe('summarise', () => {
  it('has the median of every figure, and null where there is none', () => {
    const runs = [1, 9, 4].map((tcp1Gbps, i) => run('vxlan', i + 1, { tcp1Gbps }));
    expect(summarise(runs).get('vxlan')).toMatchObject({
      podMtuBytes: 1450,
      medians: { tcp1Gbps: 4, rttAvgUs: null },
      runs,
    });
  });

  it('lists cases in their usual order and leaves out what was not run', () => {
    expect([...summarise([run('heddle', 1, {}), run('raw', 1, {})]).keys()]).toEqual(['raw', 'heddle']);
  });

  it('takes the pod MTU of a round in which the case came up', () => {
    const runs = [run('heddle', 1, {}, { podMtuBytes: null }), run('heddle', 2, {})];
    expect(summarise(runs).get('heddle')?.podMtuBytes).toBe(1450);
  });
});

describe('ratioOf', () => {
  it('is the median of the ratios within each round, not the ratio of the medians', () => {
    const raw = [10, 20, 40].map((tcp1Gbps, i) => run('raw', i + 1, { tcp1Gbps }));
    const heddle = [9, 4, 20].map((tcp1Gbps, i) => run('heddle', i + 1, { tcp1Gbps }));
    expect(ratioOf([...raw, ...heddle], ['heddle', 'tcp1Gbps'], ['raw', 'tcp1Gbps'])).toBe(0.5);
  });

  it('leaves out rounds in which one of the two failed', () => {
    const runs = [
      run('raw', 1, { tcp1Gbps: 10 }),
      run('heddle', 1, {}),
      run('heddle', 2, { tcp1Gbps: 4 }),
      run('raw', 3, { tcp1Gbps: 0 }),
      run('heddle', 3, { tcp1Gbps: 4 }),
    ];
    expect(ratioOf(runs, ['heddle', 'tcp1Gbps'], ['raw', 'tcp1Gbps'])).toBeNull();
  });

  it('compares two figures of one case', () => {
    const runs = [run('heddle', 1, { tcp1Gbps: 4, loss1Gbps: 1 })];
    expect(ratioOf(runs, ['heddle', 'loss1Gbps'], ['heddle', 'tcp1Gbps'])).toBe(0.25);
  });
});

describe('headlineRatios', () => {
  const figures = (factor: number): Figures => ({
    tcp1Gbps: 2 * factor,
    tcp1CpuSecondsPerGB: 3 * factor,
    tcp4CpuSecondsPerGB: 4.5 * factor,
    tcp16CpuSecondsPerGB: 6 * factor,
    udp64Kpps: 5 * factor,
    rttAvgUs: 7 * factor,
    rttloadP99Us: 9 * factor,
    fan16OneCpuSecondsPerGB: 4 * factor,
    fan16CpuSecondsPerGB: 5 * factor,
  });

  it('are those of Heddle to the others, and of its many streams and peers to one', () => {
    const runs = [
      run('vxlan', 1, figures(1)),
      run('wireguard-go', 1, { tcp1Gbps: 1, tcp1CpuSecondsPerGB: 12, rttloadP99Us: 36 }),
      run('heddle', 1, figures(2)),
    ];
    expect(headlineRatios(runs)).toEqual({
      tcp1VsWireguard: 4,
      tcp1VsVxlan: 2,
      cpuVsWireguard: 0.5,
      udp64VsVxlan: 2,
      rttVsVxlan: 2,
      rttLoadP99VsWireguard: 0.5,
      cpu4StreamsVsOne: 1.5,
      cpu16StreamsVsOne: 2,
      cpuFanVsOne: { 2: null, 4: null, 8: null, 16: 1.25 },
    });
  });

  it('are null where the other case or test is missing', () => {
    const runs = [run('heddle', 1, { rttAvgUs: 7, tcp4CpuSecondsPerGB: 5 }), run('vxlan', 1, { rttAvgUs: 7 })];
    expect(headlineRatios(runs)).toEqual({
      tcp1VsWireguard: null,
      tcp1VsVxlan: null,
      cpuVsWireguard: null,
      udp64VsVxlan: null,
      rttVsVxlan: 1,
      rttLoadP99VsWireguard: null,
      cpu4StreamsVsOne: null,
      cpu16StreamsVsOne: null,
      cpuFanVsOne: { 2: null, 4: null, 8: null, 16: null },
    });
  });
});

describe('doubtsOf', () => {
  it('names the tests that others disturbed, each by its worst round', () => {
    const disturbed = (round: number, cores: number): CaseRun =>
      run(
        'heddle',
        round,
        {},
        {
          disturbances: [
            { test: 'tcp1', cores },
            { test: 'rtt', cores: 0.4 },
          ],
        },
      );
    expect(doubtsOf([disturbed(1, 0.5), disturbed(2, 0.72), run('raw', 1, {})], 2)).toEqual([
      'heddle: other processes used, of 2 cores, during tcp1 0.7: the figures are worse for it',
    ]);
  });

  it('says when others cannot be seen', () => {
    const hidden = run('raw', 1, {}, { disturbances: [{ test: 'tcp1', cores: null }] });
    expect(doubtsOf([hidden, hidden], 2)).toEqual([
      'other processes cannot be seen from here: what they use counts as CPU of the cases',
    ]);
  });

  it('repeats what went wrong', () => {
    expect(doubtsOf([run('vxlan', 2, {}, { problems: ['tcp1: iperf3: refused'] })], 2)).toEqual([
      'vxlan, round 2: tcp1: iperf3: refused',
    ]);
  });
});
