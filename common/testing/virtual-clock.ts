/** A {@link Clock} that stands still until a test turns it. Used by tests only. */
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

  /** How many alarms are set. */
  get pending(): number {
    return this.#alarms.length;
  }

  /** Moves time forward, ringing every alarm that falls due on the way, in order. */
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

  /** {@link advance}, with the promises that the alarms started given time to settle after each `stepMs`. */
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

/** Lets every promise that can make progress without time or I/O make it. */
export async function settle(): Promise<void> {
  for (let round = 0; round < 20; round++) await Promise.resolve();
}
