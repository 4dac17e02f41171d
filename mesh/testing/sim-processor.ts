/**
 * Processor of one simulated process: work in order of arrival, each piece for its time, with a bounded queue.
 *
 * ```
 *   submit -> [ queue ] -> run -> (cost / share) -> done
 * ```
 *
 * Work that costs nothing runs at once, so a network without costs behaves as if there were no processor.
 */

/** Work shorter than this is finished at once; its time still counts, and delays what comes after it. */
const GRAIN_MS = 0.1;

export interface Work {
  /** Microseconds of a whole core. */
  run(): number;
  /** Called when that time is over. */
  done(): void;
}

export interface ProcessorClock {
  readonly nowMs: number;
  at(atMs: number, run: () => void): void;
}

export class SimProcessor {
  /** Of a core: 0.1 takes ten times as long. */
  share: number;
  /** Core time used so far. */
  busyMs = 0;
  /** Work refused since the queue was full. */
  refused = 0;
  /** The longest that the queue was. */
  longestQueue = 0;
  readonly #clock: ProcessorClock;
  readonly #maxQueued: number;
  readonly #queue: Work[] = [];
  /** Of the queue: what is before it has run. */
  #head = 0;
  #freeAtMs = 0;
  #isFinishing = false;
  #isWaking = false;
  #stopped = false;

  constructor(clock: ProcessorClock, { share, maxQueued }: { share: number; maxQueued: number }) {
    this.#clock = clock;
    this.share = share;
    this.#maxQueued = maxQueued;
  }

  get queued(): number {
    return this.#queue.length - this.#head;
  }

  /** False when the queue is full: the work is lost. */
  submit(work: Work): boolean {
    if (this.queued >= this.#maxQueued) {
      this.refused++;
      return false;
    }
    this.require(work);
    return true;
  }

  /** As `submit`, for work of the process itself, such as its timers, which the bound does not refuse. */
  require(work: Work): void {
    if (this.#stopped) return;
    if (this.queued === 0 && this.#isFree()) return this.#run(work);
    this.#queue.push(work);
    this.longestQueue = Math.max(this.longestQueue, this.queued);
    this.#wakeWhenFree();
  }

  /** The process stands still until then. */
  block(untilMs: number): void {
    this.#freeAtMs = Math.max(this.#freeAtMs, untilMs);
  }

  /** The process ends: what is queued is lost. */
  stop(): void {
    this.#stopped = true;
  }

  #isFree(): boolean {
    return !this.#isFinishing && this.#freeAtMs <= this.#clock.nowMs + GRAIN_MS;
  }

  #run(work: Work): void {
    const costUs = work.run();
    this.busyMs += costUs / 1000;
    const { nowMs } = this.#clock;
    this.#freeAtMs = Math.max(this.#freeAtMs, nowMs) + costUs / 1000 / this.share;
    if (this.#freeAtMs <= nowMs + GRAIN_MS) return work.done();
    this.#isFinishing = true;
    this.#clock.at(this.#freeAtMs, () => {
      this.#isFinishing = false;
      if (this.#stopped) return;
      work.done();
      this.#serve();
    });
  }

  #wakeWhenFree(): void {
    if (this.#isWaking || this.#isFinishing) return;
    this.#isWaking = true;
    this.#clock.at(this.#freeAtMs, () => {
      this.#isWaking = false;
      this.#serve();
    });
  }

  #serve(): void {
    while (!this.#stopped && this.queued > 0 && this.#isFree()) this.#run(this.#take());
    if (!this.#stopped && this.queued > 0) this.#wakeWhenFree();
  }

  #take(): Work {
    const work = this.#queue[this.#head++]!;
    if (this.#head < this.#queue.length / 2) return work;
    this.#queue.splice(0, this.#head);
    this.#head = 0;
    return work;
  }
}
