/** Parser of the output of `sockperf ping-pong --full-rtt`. Pure. Throws {@link BenchError}. */
import { BenchError } from '../../common/errors.js';

export interface RoundTrips {
  readonly averageUs: number;
  readonly p50Us: number;
  readonly p99Us: number;
}

/** Fewest observations of a result. A lost datagram stalls sockperf; 60 round trips of 32 ms take 2 s. */
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
