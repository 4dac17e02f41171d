/** Log of notices for people, rate-limited per kind (`notice-limiter.ts`): a repeated condition fills no log. */
import type { Clock } from './clock.js';
import type { Logger } from './log.js';
import { NoticeLimiter } from './notice-limiter.js';

export type NoticeLevel = 'info' | 'warn' | 'error';

const INTERVAL_MS = 60_000;
const MAX_KINDS = 256;

export class NoticeLog {
  readonly #limiter: NoticeLimiter;

  constructor(
    readonly log: Logger,
    readonly clock: Clock,
    intervalMs = INTERVAL_MS,
  ) {
    this.#limiter = new NoticeLimiter({ intervalMs, maxKinds: MAX_KINDS });
  }

  /** @param kind what makes two notices repetitions of each other; the message itself when not given */
  write(level: NoticeLevel, message: string, fields: Readonly<Record<string, unknown>> = {}, kind = message): void {
    const heldBack = this.#limiter.admit(kind, this.clock.nowMs());
    if (heldBack === null) return;
    this.log[level](heldBack > 0 ? { ...fields, heldBack } : fields, message);
  }

  /** The next notice of this kind is written at once: the condition behind the last one has ended. */
  clear(kind: string): void {
    this.#limiter.clear(kind);
  }
}
