/** Ping by the system's `ping`, with its output parsed. */
import { CommandError } from '../../../common/errors.js';
import type { NetworkNamespace } from '../machine/network-namespace.js';
import { PING_PATTERN } from './payload.js';

export interface PingOutcome {
  readonly ok: boolean;
  /** Best round trip; null without an answer. */
  readonly rttMs: number | null;
}

const COUNT = 2;
const INTERVAL_SECONDS = 0.2;
const WAIT_SECONDS = 2;

/** Sends two echo requests with the marker as payload; one answer is enough. */
export async function ping(from: NetworkNamespace, address: string): Promise<PingOutcome> {
  const pattern = PING_PATTERN.toString('hex');
  const args = ['-n', '-c', `${COUNT}`, '-i', `${INTERVAL_SECONDS}`, '-W', `${WAIT_SECONDS}`, '-p', pattern, address];
  try {
    return parsePing(await from.run('ping', args));
  } catch (thrown) {
    if (thrown instanceof CommandError) return { ok: false, rttMs: null };
    throw thrown;
  }
}

/** Parses the output of iputils' ping. */
export function parsePing(output: string): PingOutcome {
  const received = Number(/(\d+) (?:packets )?received/.exec(output)?.[1] ?? 0);
  const roundTrips = [...output.matchAll(/time[=<]([\d.]+) ms/g)].map((match) => Number(match[1]));
  return { ok: received > 0, rttMs: roundTrips.length > 0 ? Math.min(...roundTrips) : null };
}
