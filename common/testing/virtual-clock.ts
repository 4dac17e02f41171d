/** Fake {@link Clock} that a test moves by hand. */
import type { Clock } from '../clock.js';

interface Alarm {
  readonly atMs: number;
  readonly run: () => void;
}

export class VirtualClock implements Clock {
  #nowMs = 0;
  readonly #epochMs: number;
  #alarms: Alarm[] = [];

  constructor(epoch = '2026-01-01T00:00:00.000Z') {
    this.#epochMs = Date.parse(epoch);
  }

  nowMs(): number {
    return this.#nowMs;
  }

  wallTime(): Date {
    return new Date(this.#epochMs + this.#nowMs);
  }

  after(delayMs: number, run: () => void): () => void {
    const alarm = { atMs: this.#nowMs + delayMs, run };
    this.#alarms.push(alarm);
    return () => {
      this.#alarms = this.#alarms.filter((other) => other !== alarm);
    };
  }

  /** Number of pending alarms. */
  get pending(): number {
    return this.#alarms.length;
  }

  /** Moves time forward and runs every alarm that falls due, in order. */
  advance(byMs: number): void {
    const untilMs = this.#nowMs + byMs;
    for (let next = this.#nextDue(untilMs); next !== undefined; next = this.#nextDue(untilMs)) {
      const due = next;
      this.#alarms = this.#alarms.filter((alarm) => alarm !== due);
      this.#nowMs = Math.max(this.#nowMs, due.atMs);
      due.run();
    }
    this.#nowMs = untilMs;
  }

  /** {@link advance} in steps of `stepMs`; after each, promises that the alarms started can settle. */
  async advanceSettled(byMs: number, stepMs = byMs): Promise<void> {
    for (let moved = 0; moved < byMs; moved += stepMs) {
      this.advance(Math.min(stepMs, byMs - moved));
      await settle();
    }
  }

  #nextDue(untilMs: number): Alarm | undefined {
    return this.#alarms.filter((alarm) => alarm.atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0];
  }
}

/** Waits until promises that need neither time nor I/O have settled. */
export async function settle(): Promise<void> {
  for (let round = 0; round < 20; round++) await Promise.resolve();
}
