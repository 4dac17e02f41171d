/** Notices for people, each kind at most once a minute, with the number of those held back in between. Never secrets. */
import { BoundedMap } from '../common/bounded-map.js';
import { MAX_NOTICES, MAX_NOTICES_PER_INTERVAL, NOTICE_INTERVAL_MS } from './limits.js';
import type { MeshEffect } from './mesh-io.js';

export type Notice = Extract<MeshEffect, { type: 'notice' }>;

export class Notices {
  readonly #emit: (notice: Notice) => void;
  /** Bounded by MAX_NOTICES. */
  readonly #last = new BoundedMap<string, { atMs: number; heldBack: number }>(MAX_NOTICES);
  #interval = { startMs: 0, count: 0 };

  constructor(emit: (notice: Notice) => void) {
    this.#emit = emit;
  }

  /** @param about what tells two notices with the same message apart */
  tell(
    level: Notice['level'],
    message: string,
    nowMs: number,
    about: string = '',
    fields: Notice['fields'] = {},
  ): void {
    const key = `${message}\0${about}`;
    const last = this.#last.get(key);
    if (last !== undefined && nowMs - last.atMs < NOTICE_INTERVAL_MS) {
      last.heldBack++;
      return;
    }
    if (nowMs - this.#interval.startMs >= NOTICE_INTERVAL_MS) this.#interval = { startMs: nowMs, count: 0 };
    if (++this.#interval.count > MAX_NOTICES_PER_INTERVAL) return;
    this.#last.set(key, { atMs: nowMs, heldBack: 0 });
    const heldBack = last?.heldBack ?? 0;
    this.#emit({ type: 'notice', level, message, fields: heldBack === 0 ? fields : { ...fields, heldBack } });
  }
}
