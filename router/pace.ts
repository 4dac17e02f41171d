/**
 * How the forwarding thread goes about waiting, by how much it carries. What it has carried in the last millisecond or
 * more decides:
 *
 *   quiet     looks again for a moment before it sleeps (`busy-poll.ts`): round trips are what matters
 *   stream    sleeps at once, and asks the kernel not to interrupt others when it wakes (SCHED_BATCH): on a busy node a
 *             thread that is woken for every frame interrupts the very pods that send and receive them
 *   flood     many frames that nobody answers: pauses before it even asks whether there are any, as network cards
 *             moderate their interrupts (ethtool -C adaptive-rx). Frames gather, and a batch costs little more than one
 *
 * Each of them was measured (`docs/data-path.md`, "Waiting").
 */
import type { BusyPoll } from './busy-poll.js';

const WINDOW_MS = 1;
const STREAM_BYTES_PER_MS = 8000;
/** From the first rate on it is a flood, and the pause grows up to the second. In unanswered frames per millisecond. */
const FLOOD_FRAMES_PER_MS = 8;
const FULL_PAUSE_FRAMES_PER_MS = 25;
/** A frame that is answered counts this much: who waits for answers is hurt by a pause, unless it is very many of them. */
const ANSWERED_SHARE = 0.25;
/** The TAP keeps 128 frames meanwhile: 850 us at 150 frames per millisecond. */
const MAX_PAUSE_US = 150;
/** Shorter ones are not worth the timer. */
const MIN_PAUSE_US = 10;
/** A stream that has been over for this long is. */
const STREAM_ENDS_MS = 50;

export interface PacePorts {
  /** Sleeps for so many microseconds, whatever comes. */
  pause(us: number): void;
  /** Whether waking up may interrupt what runs on the processor. */
  setInterrupting(mayInterrupt: boolean): void;
}

/** What the thread has carried since it began, and whether its last batch left something behind. */
export interface Carried {
  bytes: number;
  framesFromInside: number;
  framesFromOutside: number;
  moreWaits: boolean;
}

export class Pace {
  #windowStartMs = 0;
  #bytesThen = 0;
  #insideThen = 0;
  #outsideThen = 0;
  #streaming = false;
  #streamedMs = -Infinity;
  #interrupting = true;
  #pauseUs = 0;

  constructor(
    private readonly ports: PacePorts,
    private readonly busyPoll: BusyPoll,
  ) {}

  /** To be called at `now`, before the thread asks the kernel what is there. True when something is known to be. */
  await(now: number, carried: Carried): boolean {
    if (now - this.#windowStartMs >= WINDOW_MS) this.#measure(now, carried);
    if (!this.#streaming) return this.busyPoll.await(now);
    if (this.#pauseUs >= MIN_PAUSE_US && !carried.moreWaits) this.ports.pause(this.#pauseUs);
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
    const interrupting = now - this.#streamedMs > STREAM_ENDS_MS;
    if (interrupting !== this.#interrupting) this.ports.setInterrupting((this.#interrupting = interrupting));
  }
}

/** Microseconds to pause at these rates, frames per millisecond from the pods and from the peers. */
export function pauseFor(fromInside: number, fromOutside: number): number {
  const unanswered = Math.abs(fromInside - fromOutside) + ANSWERED_SHARE * Math.min(fromInside, fromOutside);
  const share = (unanswered - FLOOD_FRAMES_PER_MS) / (FULL_PAUSE_FRAMES_PER_MS - FLOOD_FRAMES_PER_MS);
  return Math.round(MAX_PAUSE_US * Math.min(1, Math.max(0, share)));
}
