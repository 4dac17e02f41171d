/** What `sockperf ping-pong --full-rtt` says when it ends. Pure. Throws {@link BenchError}. */
import { BenchError } from '../../common/errors.js';

export interface RoundTrips {
  readonly averageUs: number;
  readonly p50Us: number;
  readonly p99Us: number;
}

/** A datagram that got lost stalls sockperf, which then has next to no observations: they are no result. In 2 s 60 of 32 ms are one. */
const FEWEST_OBSERVATIONS = 30;

export function parseRoundTrips(output: string): RoundTrips {
  const observations = Number(/Total (\d+) observations/.exec(output)?.[1] ?? 0);
  if (observations < FEWEST_OBSERVATIONS) {
    const complaint = /ERROR: .*/.exec(output)?.[0] ?? `expected at least ${FEWEST_OBSERVATIONS}`;
    throw new BenchError(`sockperf saw ${observations} round trips: ${complaint}`);
  }
  return {
    averageUs: find(output, 'Round trip is', /Round trip is ([\d.]+) usec/),
    p50Us: find(output, 'percentile 50', /percentile 50\.0+ = +([\d.]+)/),
    p99Us: find(output, 'percentile 99', /percentile 99\.0+ = +([\d.]+)/),
  };
}

function find(output: string, what: string, pattern: RegExp): number {
  const number = pattern.exec(output)?.[1];
  if (number === undefined) throw new BenchError(`sockperf's output has no "${what}"`);
  return Number(number);
}
