/** Early units of a simulated router: frames that come before the keys of their session, with the bounds of the product's router. */
import type { SocketAddress } from '../../common/address/socket-address.js';
import { packetBytes, shortIndex } from './packet.js';
import type { Packet } from './packet.js';

type Unit = Extract<Packet, { kind: 'unit' }>;

interface Early {
  readonly from: SocketAddress;
  readonly unit: Unit;
  /** Of the envelope that it came in, or null. */
  readonly channel: number | null;
  readonly bytes: number;
  readonly atMs: number;
}

const EARLY_MS = 1000;
const MAX_PER_SESSION = 64;
const BYTES_PER_SESSION = MAX_PER_SESSION * 1280;
const BYTES = 1 << 20;
/** What the router keeps of each besides its bytes. */
const OVERHEAD_BYTES = 56;

export class FakeEarly {
  /** Those that found no room, and those that waited in vain. */
  full = 0;
  expired = 0;
  /** When each index, short, was announced. Bounded by what the core announces within EARLY_MS. */
  readonly #announcedMs = new Map<number, number>();
  #kept: Early[] = [];

  announce(localIndex: number, nowMs: number): void {
    for (const [index, atMs] of this.#announcedMs) if (nowMs - atMs >= EARLY_MS) this.#announcedMs.delete(index);
    this.#announcedMs.set(shortIndex(localIndex), nowMs);
  }

  /** A unit of no session. */
  keep(from: SocketAddress, unit: Unit, channel: number | null, nowMs: number): void {
    const announcedMs = this.#announcedMs.get(unit.index);
    if (unit.body.kind !== 'frame' || announcedMs === undefined || nowMs - announcedMs >= EARLY_MS) return;
    this.#expire(nowMs);
    const bytes = packetBytes(unit) + OVERHEAD_BYTES;
    const same = this.#kept.filter((early) => early.unit.index === unit.index);
    const isFull = same.length === MAX_PER_SESSION || sum(same) + bytes > BYTES_PER_SESSION;
    if (isFull || sum(this.#kept) + bytes > BYTES) this.full++;
    else this.#kept.push({ from, unit, channel, bytes, atMs: nowMs });
  }

  /** The session is here, or will not come. Returns what waited for it, in order. */
  take(localIndex: number, nowMs: number): readonly Early[] {
    const index = shortIndex(localIndex);
    this.#announcedMs.delete(index);
    this.#expire(nowMs);
    const taken = this.#kept.filter(({ unit }) => unit.index === index);
    if (taken.length > 0) this.#kept = this.#kept.filter(({ unit }) => unit.index !== index);
    return taken;
  }

  #expire(nowMs: number): void {
    const before = this.#kept.length;
    if (before === 0 || nowMs - this.#kept[0]!.atMs < EARLY_MS) return;
    this.#kept = this.#kept.filter(({ atMs }) => nowMs - atMs < EARLY_MS);
    this.expired += before - this.#kept.length;
  }
}

function sum(kept: readonly Early[]): number {
  return kept.reduce((total, { bytes }) => total + bytes, 0);
}
