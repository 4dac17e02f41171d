/** Gap in the traffic between two pods while a process is replaced, by the time stamps of the echo replies that arrive. */
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { waitUntil } from '../../deploy/demo/async/wait-until.js';
import type { Pod } from '../../deploy/demo/cluster/cluster.js';

const INTERVAL_MS = 10;
/** Before the replacement, for the first replies, and after it, for a gap that comes late. */
const LEAD_MS = 1_000;
const RETURN_WITHIN_MS = 20_000;

/** The longest time between two replies, and what was lost in all. */
export interface Gap {
  /** Wall-clock time of the last reply before it, in milliseconds. */
  readonly fromMs: number;
  readonly lengthMs: number;
  /** Pings without a reply, of those sent before the last reply. */
  readonly lost: number;
}

/** @param replace resolves when another process has taken the place of one */
export async function gapAround(from: Pod, to: Pod, replace: () => Promise<unknown>): Promise<Gap> {
  // A deadline (-w) would end it at the first ICMP error.
  const args = ['-D', '-n', '-i', `${INTERVAL_MS / 1000}`, to.ips[0]!];
  const ping = from.namespace.spawn('ping', args, ['ignore', 'pipe', 'inherit']);
  const ended = new Promise((resolve) => ping.once('close', resolve));
  const replies: number[] = [];
  let lastSequence = 0;
  createInterface({ input: ping.stdout! }).on('line', (line) => {
    const reply = /^\[([\d.]+)\] \d+ bytes from .* icmp_seq=(\d+)/.exec(line);
    if (reply === null) return;
    replies.push(Number(reply[1]) * 1000);
    lastSequence = Math.max(lastSequence, Number(reply[2]));
  });
  await delay(LEAD_MS);
  await replace();
  const before = replies.length;
  await waitUntil('traffic after the replacement', RETURN_WITHIN_MS, () => Promise.resolve(replies.length > before));
  await delay(LEAD_MS);
  // Sent to `nsenter`, which has become ping.
  ping.kill('SIGINT');
  await ended;
  const lost = lastSequence - replies.length;
  const gaps = replies.slice(1).map((atMs, i) => ({ fromMs: replies[i]!, lengthMs: atMs - replies[i]!, lost }));
  return gaps.reduce((longest, gap) => (gap.lengthMs > longest.lengthMs ? gap : longest));
}
