/** Notices of the core for people, rate-limited per message and subject. They never hold secrets. */
import { NoticeLimiter } from '../common/notice-limiter.js';
import { MAX_NOTICES, MAX_NOTICES_PER_INTERVAL, NOTICE_INTERVAL_MS, NOTICES_OF_EACH_MESSAGE } from './limits.js';
import type { MeshEffect } from './mesh-io.js';

export type Notice = Extract<MeshEffect, { type: 'notice' }>;

/** What tells two notices with the same message apart. */
export interface Subject {
  readonly key: string;
  /** Of members that this node has met: these notices are not hidden by those of others, whom anybody may have made up. */
  readonly isMet: boolean;
}

export function subjectOf(key: string, isMet: boolean): Subject {
  return { key, isMet };
}

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

  write(
    level: Notice['level'],
    message: string,
    nowMs: number,
    subject: string | Subject = '',
    fields: Notice['fields'] = {},
  ): void {
    const { key, isMet } = typeof subject === 'string' ? subjectOf(subject, false) : subject;
    const heldBack = this.#limiter.admit(`${message}\0${key}`, nowMs, isMet ? `${message}\0met` : message);
    if (heldBack === null) return;
    this.#emit({ type: 'notice', level, message, fields: heldBack === 0 ? fields : { ...fields, heldBack } });
  }
}
