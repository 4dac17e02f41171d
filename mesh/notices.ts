/** Notices of the core for people, rate-limited per message and subject. They never hold secrets. */
import { NoticeLimiter } from '../common/notice-limiter.js';
import {
  MAX_NOTICE_GROUPS,
  MAX_NOTICES,
  MAX_NOTICES_PER_INTERVAL,
  NOTICE_INTERVAL_MS,
  NOTICES_OF_EACH_MEMBER,
  NOTICES_OF_EACH_MESSAGE,
} from './limits.js';
import type { MeshEffect } from './mesh-io.js';

export type Notice = Extract<MeshEffect, { type: 'notice' }>;

/** What tells two notices with the same message apart. */
export interface Subject {
  readonly key: string;
  /** Member that this node has met, or two; null when anybody may have made it up. */
  readonly met: string | null;
  /** What stands for the message where strangers choose some of its words; null: the message. */
  readonly messageKind: string | null;
}

/** @param met notices of a member that was met are not hidden by those of others */
export function subjectOf(key: string, met: string | null): Subject {
  return { key, met, messageKind: null };
}

/** Of a message in which strangers choose some of the words. @param messageKind the same for all such messages */
export function subjectInWords(key: string, messageKind: string): Subject {
  return { key, met: null, messageKind };
}

export class Notices {
  readonly #emit: (notice: Notice) => void;
  readonly #limiter = new NoticeLimiter({
    intervalMs: NOTICE_INTERVAL_MS,
    maxKinds: MAX_NOTICES,
    maxPerInterval: MAX_NOTICES_PER_INTERVAL,
    maxGroups: MAX_NOTICE_GROUPS,
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
    const { key, met, messageKind } = typeof subject === 'string' ? subjectOf(subject, null) : subject;
    const ofMessage = { name: messageKind ?? message, share: NOTICES_OF_EACH_MESSAGE };
    const ofMember = { name: `${message}\0${met}`, share: NOTICES_OF_EACH_MEMBER, within: ofMessage };
    const group = met === null ? ofMessage : ofMember;
    const heldBack = this.#limiter.admit(`${message}\0${key}`, nowMs, group);
    if (heldBack === null) return;
    this.#emit({ type: 'notice', level, message, fields: heldBack === 0 ? fields : { ...fields, heldBack } });
  }
}
