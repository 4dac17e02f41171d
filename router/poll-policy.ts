/**
 * Poll policy of the forwarding thread: how it waits for frames, chosen by the traffic of the last millisecond or more.
 *
 *   quiet     busy-polls for a moment before it sleeps (`busy-poll.ts`): round-trip time decides
 *   stream    sleeps at once, in SCHED_BATCH, so that its wake-ups do not preempt other processes: on a busy node a thread
 *             that is woken for every frame preempts the very pods that send and receive them
 *   flood     many frames in one direction: sleeps for a fixed time before it polls, as network cards moderate their
 *             interrupts (ethtool -C adaptive-rx). Frames gather, and a batch costs little more than one frame
 *
 * Measured in `docs/measurements.md`, section Waiting.
 */
import type { BusyPoll } from './busy-poll.js';
import { NOTHING_CARRIED } from './carried.js';
import type { Carried } from './carried.js';

const WINDOW_MS = 1;
const STREAM_BYTES_PER_MS = 8000;
/** The pause grows from the first rate to the second, in one-way frames per millisecond. */
const FLOOD_FRAMES_PER_MS = 8;
const FULL_PAUSE_FRAMES_PER_MS = 25;
/** Weight of a frame that has a counterpart in the other direction: request and response suffer from a pause. */
const TWO_WAY_WEIGHT = 0.25;
/** The TAP queues 128 frames meanwhile: 850 us at 150 frames per millisecond. */
const MAX_PAUSE_US = 150;
/** A shorter pause costs more in timer calls than it saves. */
const MIN_PAUSE_US = 10;
/** The thread returns to SCHED_OTHER this long after the last stream. */
const STREAM_ENDS_MS = 50;

export interface PollPolicyDeps {
  /** Sleeps for so many microseconds. */
  pause(us: number): void;
  /** Whether a wake-up of this thread may preempt the running process. */
  setPreempting(mayPreempt: boolean): void;
  readonly busyPoll: BusyPoll;
}

export class PollPolicy {
  #windowStartMs = 0;
  #bytesThen = NOTHING_CARRIED;
  #insideThen = NOTHING_CARRIED;
  #outsideThen = NOTHING_CARRIED;
  #streaming = false;
  #streamedMs = -Infinity;
  #preempting = true;
  #pauseUs = 0;

  constructor(private readonly deps: PollPolicyDeps) {}

  /** Waits as the policy says, before the thread polls at `now`. True when a frame is known to be there. */
  await(now: number, carried: Carried): boolean {
    if (now - this.#windowStartMs >= WINDOW_MS) this.#measure(now, carried);
    if (!this.#streaming) return this.deps.busyPoll.await(now);
    if (this.#pauseUs >= MIN_PAUSE_US && !carried.moreWaits) this.deps.pause(this.#pauseUs);
    return false;
  }

  #measure(now: number, carried: Carried): void {
    const elapsed = now - this.#windowStartMs;
    const fromInside = (carried.framesFromInside - this.#insideThen) / elapsed;
    const fromOutside = (carried.framesFromOutside - this.#outsideThen) / elapsed;
    this.#pauseUs = pauseFor(fromInside, fromOutside);
    this.#streaming = this.#pauseUs > 0 || carried.bytes - this.#bytesThen > STREAM_BYTES_PER_MS * elapsed;
    this.#windowStartMs = now;
    this.#bytesThen = carried.bytes;
    this.#insideThen = carried.framesFromInside;
    this.#outsideThen = carried.framesFromOutside;
    if (this.#streaming) this.#streamedMs = now;
    const preempting = now - this.#streamedMs > STREAM_ENDS_MS;
    if (preempting !== this.#preempting) this.deps.setPreempting((this.#preempting = preempting));
  }
}

/** Microseconds to pause at these rates, in frames per millisecond from the pods and from the peers. */
export function pauseFor(fromInside: number, fromOutside: number): number {
  const oneWay = Math.abs(fromInside - fromOutside) + TWO_WAY_WEIGHT * Math.min(fromInside, fromOutside);
  const share = (oneWay - FLOOD_FRAMES_PER_MS) / (FULL_PAUSE_FRAMES_PER_MS - FLOOD_FRAMES_PER_MS);
  return Math.round(MAX_PAUSE_US * Math.min(1, Math.max(0, share)));
}
