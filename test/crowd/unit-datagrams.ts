/**
 * Units and the datagrams they travel in (`docs/wire.md`, sections 1 and 2): cut by the sender, gathered by the receiver.
 * Pure; the bytes of a unit are sealed already, or not opened yet.
 */
import type { IpFamily } from '../../common/address/ip-address.js';
import {
  UDP_HEADER_BYTES,
  UNDERLAY_IPV4_HEADER_BYTES,
  UNDERLAY_IPV6_HEADER_BYTES,
} from '../../common/wire/overhead.js';
import { HEADER_BYTES, MAX_FRAGMENTS, TAG_BYTES, TYPE_DATA, TYPE_PROBE } from '../../common/wire/datagram.js';
import type { UnitName } from './unit-key.js';

const FRAGMENT_AT = 2;
const FRAGMENTS_AT = 3;
const INDEX_AT = 4;
const LENGTH_AT = 8;
const COUNTER_AT = 10;
/** Units of one node whose datagrams are not all there yet; the oldest gives way. */
const MAX_HALF_UNITS = 64;

/** A whole unit, still sealed. */
export interface SealedUnit extends UnitName {
  /** The session index that its receiver chose. */
  readonly index: number;
  readonly sealed: Uint8Array;
}

interface HalfUnit {
  readonly parts: (Uint8Array | undefined)[];
  missing: number;
}

/** What stands in front of a fragment in its IP packet. */
export function headersBytes(family: IpFamily): number {
  const ip = family === 6 ? UNDERLAY_IPV6_HEADER_BYTES : UNDERLAY_IPV4_HEADER_BYTES;
  return ip + UDP_HEADER_BYTES + HEADER_BYTES;
}

/** The largest fragment whose datagram fits a path of this MTU. */
export function fragmentBytesFor(mtuBytes: number, family: IpFamily): number {
  return (mtuBytes - headersBytes(family)) & ~3;
}

/** How many datagrams a plaintext of this length takes once it is sealed. */
export function fragmentsFor(plaintextBytes: number, fragmentBytes: number): number {
  return Math.ceil((plaintextBytes + TAG_BYTES) / fragmentBytes);
}

/** Datagrams with at most `fragmentBytes` of the unit each; their number is that of its name. */
export function cutUnit({ type, counter, fragments, index, sealed }: SealedUnit, fragmentBytes: number): Uint8Array[] {
  return Array.from({ length: fragments }, (_, fragment) => {
    const part = sealed.subarray(
      fragment * fragmentBytes,
      fragments === 1 ? undefined : (fragment + 1) * fragmentBytes,
    );
    const datagram = Buffer.alloc(HEADER_BYTES + part.length);
    datagram[0] = type;
    datagram[FRAGMENT_AT] = fragment;
    datagram[FRAGMENTS_AT] = fragments;
    datagram.writeUInt32BE(index, INDEX_AT);
    datagram.writeUInt16BE(sealed.length, LENGTH_AT);
    datagram.writeUIntBE(counter, COUNTER_AT, 6);
    datagram.set(part, HEADER_BYTES);
    return datagram;
  });
}

export class UnitGatherer {
  /** By index and counter. Bounded by MAX_HALF_UNITS. */
  readonly #halves = new Map<string, HalfUnit>();

  /** The unit that this datagram completes; null while some of it is missing, and for what is no unit at all. */
  add(datagram: Uint8Array): SealedUnit | null {
    const bytes = Buffer.from(datagram.buffer, datagram.byteOffset, datagram.byteLength);
    if (bytes.length <= HEADER_BYTES || bytes[0]! < TYPE_DATA || bytes[0]! > TYPE_PROBE) return null;
    const fragment = bytes[FRAGMENT_AT]!;
    const fragments = bytes[FRAGMENTS_AT]!;
    if (fragment >= fragments || fragments > MAX_FRAGMENTS) return null;
    const index = bytes.readUInt32BE(INDEX_AT);
    const counter = bytes.readUIntBE(COUNTER_AT, 6);
    const part = bytes.subarray(HEADER_BYTES);
    const sealed = fragments === 1 ? part : this.#gather(`${index} ${counter}`, part, fragment, fragments);
    if (sealed?.length !== bytes.readUInt16BE(LENGTH_AT) || sealed.length < TAG_BYTES) return null;
    return { type: bytes[0]!, counter, fragments, index, sealed };
  }

  #gather(key: string, part: Uint8Array, fragment: number, fragments: number): Uint8Array | null {
    const half = this.#halves.get(key) ?? this.#begin(key, fragments);
    if (half.parts.length !== fragments || half.parts[fragment] !== undefined) return null;
    half.parts[fragment] = Uint8Array.from(part);
    if (--half.missing > 0) return null;
    this.#halves.delete(key);
    return Buffer.concat(half.parts.filter((there) => there !== undefined));
  }

  #begin(key: string, fragments: number): HalfUnit {
    if (this.#halves.size >= MAX_HALF_UNITS) this.#halves.delete(this.#halves.keys().next().value ?? '');
    const half = { parts: new Array<Uint8Array | undefined>(fragments).fill(undefined), missing: fragments };
    this.#halves.set(key, half);
    return half;
  }
}
