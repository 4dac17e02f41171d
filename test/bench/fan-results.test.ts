import { describe, expect, it } from '@jest/globals';
import { figuresOf } from './bench-plan.js';
import { fanResults } from './fan-results.js';
import type { ProcessorUse } from './processor-time.js';

function use(ownCpuSeconds: number): ProcessorUse {
  return { seconds: 4, ownCpuSeconds, disturbingCores: 0 };
}

describe('fanResults', () => {
  const idle = use(1);
  const one = { gbps: 2, gigabytes: 1, cpuSecondsPerGB: 4, use: use(4), gbpsEach: [2], senderCpuSeconds: 1.5 };
  const all = { gbps: 1.6, gigabytes: 0.8, cpuSecondsPerGB: 6, use: use(5), gbpsEach: [0.4, 1.2], senderCpuSeconds: 2 };
  const results = fanResults(2, { idle, one, all });

  it('has every figure of that size', () => {
    expect(Object.assign({}, ...results.map(({ figures }) => figures))).toEqual({
      fan2IdleCores: 0.25,
      fan2OneGbps: 2,
      fan2OneCpuSecondsPerGB: 4,
      fan2OneSenderCpuSecondsPerGB: 1.5,
      fan2Gbps: 1.6,
      fan2CpuSecondsPerGB: 6,
      fan2SenderCpuSecondsPerGB: 2.5,
      fan2LeastSharePercent: expect.closeTo(25),
      fan2MostSharePercent: expect.closeTo(75),
      fan2JainIndex: expect.closeTo(0.8),
    });
    const names = results.flatMap(({ figures }) => Object.keys(figures));
    expect(names).toEqual(figuresOf('heddle', { tests: ['fan'], fan: [2] }).map(({ name }) => name));
  });

  it('keeps what disturbed each of the three measurements apart', () => {
    expect(results.map((result) => result.use)).toEqual([idle, one.use, all.use]);
  });
});
