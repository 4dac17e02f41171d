/**
 * Beats of the forwarding threads, which they give from their loops: a thread that hangs in a system call or in its own code
 * gives none, whatever the main thread does. They are counters in shared memory, so a flood of events delays none.
 */
export interface BeatingThread {
  /** Beats so far. */
  readonly beats: number;
  /** Asks for one more. */
  askForBeat(): void;
}

export class ThreadBeats {
  #taken: readonly number[] = [];

  /** @param threads all threads of the process; those that are added later count from then on */
  constructor(private readonly threads: readonly BeatingThread[]) {}

  /** Whether every thread has given a beat since the last call; false without threads. Asks for the next ones. */
  take(): boolean {
    const beats = this.threads.map((thread) => thread.beats);
    const beaten = beats.length > 0 && beats.every((count, lane) => count !== (this.#taken[lane] ?? 0));
    this.#taken = beats;
    for (const thread of this.threads) thread.askForBeat();
    return beaten;
  }
}
