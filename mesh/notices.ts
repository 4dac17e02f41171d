/** Notices of the core for people, rate-limited per message and subject. They never hold secrets. */
import { NoticeLimiter } from '../common/notice-limiter.js';
import { MAX_NOTICES, MAX_NOTICES_PER_INTERVAL, NOTICE_INTERVAL_MS, NOTICES_OF_EACH_MESSAGE } from './limits.js';
import type { MeshEffect } from './mesh-io.js';

export type Notice = Extract<MeshEffect, { type: 'notice' }>;

export class Notices {
  readonly #emit: (notice: Notice) => void;
  readonly #limiter = new NoticeLimiter({
    intervalMs: NOTICE_INTERVAL_MS,
    maxKinds: MAX_NOTICES,
    maxPerInterval: MAX_NOTICES_PER_INTERVAL,
    ofEachGroup: NOTICES_OF_EACH_MESSAGE,
  });

  constructor(emit: (notice: Notice) => void) {
    this.#emit = emit;
  }

  /** @param subject distinguishes two notices with the same message */
  write(
    level: Notice['level'],
    message: string,
    nowMs: number,
    subject: string = '',
    fields: Notice['fields'] = {},
  ): void {
    const heldBack = this.#limiter.admit(`${message}\0${subject}`, nowMs, message);
    if (heldBack === null) return;
    this.#emit({ type: 'notice', level, message, fields: heldBack === 0 ? fields : { ...fields, heldBack } });
  }
}
