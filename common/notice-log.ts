/**
 * Keeps repeated notices from flooding the log: the first one of a kind is written at once, its repetitions within the
 * interval are only counted, and the next one written says how many there were.
 */
import type { Logger } from './log.js';
import type { Clock } from './clock.js';

export type NoticeLevel = 'info' | 'warn' | 'error';

const INTERVAL_MS = 60_000;
/** Bound on remembered kinds: kinds may be named by what strangers send. */
const MAX_KINDS = 256;

interface Kind {
  readonly writtenAtMs: number;
  suppressed: number;
}

export class NoticeLog {
  /** Bounded by MAX_KINDS, oldest first. */
  readonly #kinds = new Map<string, Kind>();

  constructor(
    readonly log: Logger,
    readonly clock: Clock,
    readonly intervalMs = INTERVAL_MS,
  ) {}

  /** @param kind what makes two notices repetitions of each other; the message itself when not given */
  write(level: NoticeLevel, message: string, fields: Readonly<Record<string, unknown>> = {}, kind = message): void {
    const nowMs = this.clock.nowMs();
    const known = this.#kinds.get(kind);
    if (known !== undefined && nowMs - known.writtenAtMs < this.intervalMs) {
      known.suppressed++;
      return;
    }
    this.#remember(kind, nowMs);
    const repeated = known?.suppressed ?? 0;
    this.log[level](repeated > 0 ? { ...fields, repeated } : fields, message);
  }

  /** The state behind the notice is over: its next occurrence is news again. */
  clear(kind: string): void {
    this.#kinds.delete(kind);
  }

  #remember(kind: string, nowMs: number): void {
    this.#kinds.delete(kind);
    this.#kinds.set(kind, { writtenAtMs: nowMs, suppressed: 0 });
    if (this.#kinds.size > MAX_KINDS) this.#kinds.delete(this.#kinds.keys().next().value ?? '');
  }
}
