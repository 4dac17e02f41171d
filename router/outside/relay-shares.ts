/**
 * Equal shares of what a relay passes on, one for each member that opened pairs, without a queue. Each has a backlog in bytes: what it
 * was allowed, less what a line of the whole rate would have carried since, which serves all with a backlog alike. So a member below
 * an equal share has little backlog, and what it leaves is shared by the others (max-min fairness).
 *
 * A datagram passes while the backlog of its opener is less than the room that all backlogs leave (dynamic threshold of Choudhury and
 * Hahne, 1998). Of n members that want more than there is each has 1/(n+1) of the room, and as much is free for the others.
 */
import { MAX_RELAY_PAIRS } from '../../common/protocol.js';

/** Of one look at the time; what is left to share out then waits for the next one. Each takes the time of all members with a backlog. */
const MAX_ROUNDS = 8;
/** Between two looks at the time: many datagrams come at once. */
const LOOK_INTERVAL_MS = 1;

export class RelayShares {
  /** By opener. */
  readonly #backlogs = new Float64Array(MAX_RELAY_PAIRS);
  /** Openers with a backlog, in any order. */
  readonly #busy = new Int32Array(MAX_RELAY_PAIRS);
  #busyCount = 0;
  /** Sum of the backlogs. */
  #total = 0;
  #lookedMs = -Infinity;
  /** Bytes that the line could have carried by then, and which no backlog was reduced by yet. */
  #left = 0;

  /** @param room for all backlogs, in bytes */
  constructor(
    private readonly bytesPerMs: number,
    private readonly room: number,
  ) {}

  /** Whether a datagram of this size passes; if so, it counts. */
  take(opener: number, bytes: number, nowMs: number): boolean {
    if (nowMs - this.#lookedMs >= LOOK_INTERVAL_MS) this.#drain(nowMs);
    const backlog = this.#backlogs[opener]!;
    if (backlog + bytes > this.room - this.#total) return false;
    if (backlog === 0) this.#busy[this.#busyCount++] = opener;
    this.#backlogs[opener] = backlog + bytes;
    this.#total += bytes;
    return true;
  }

  #drain(nowMs: number): void {
    this.#left += (nowMs - this.#lookedMs) * this.bytesPerMs;
    this.#lookedMs = nowMs;
    if (this.#left >= this.#total) return this.#empty();
    for (let round = 0; round < MAX_ROUNDS && this.#busyCount > 0; round++) {
      const share = this.#left / this.#busyCount;
      if (this.#finish(share)) continue;
      for (let i = 0; i < this.#busyCount; i++) {
        const opener = this.#busy[i]!;
        this.#backlogs[opener] = this.#backlogs[opener]! - share;
      }
      this.#total -= this.#left;
      this.#left = 0;
      return;
    }
  }

  /** Takes away the backlogs that are no larger than a share. Whether there were any: the share of the others is larger then. */
  #finish(share: number): boolean {
    const before = this.#busyCount;
    for (let i = before - 1; i >= 0; i--) {
      const opener = this.#busy[i]!;
      const backlog = this.#backlogs[opener]!;
      if (backlog > share) continue;
      this.#left -= backlog;
      this.#total -= backlog;
      this.#backlogs[opener] = 0;
      this.#busy[i] = this.#busy[--this.#busyCount]!;
    }
    return this.#busyCount < before;
  }

  #empty(): void {
    for (let i = 0; i < this.#busyCount; i++) this.#backlogs[this.#busy[i]!] = 0;
    this.#busyCount = 0;
    this.#total = 0;
    this.#left = 0;
  }
}
