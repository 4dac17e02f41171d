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
import { HEADER_BYTES, MAX_CHUNKS, TAG_BYTES, TYPE_DATA, TYPE_PROBE } from '../../common/wire/datagram.js';
import type { UnitName } from './unit-key.js';

const CHUNK_AT = 2;
const CHUNKS_AT = 3;
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

/** What stands in front of a chunk in its IP packet. */
export function headersBytes(family: IpFamily): number {
  const ip = family === 6 ? UNDERLAY_IPV6_HEADER_BYTES : UNDERLAY_IPV4_HEADER_BYTES;
  return ip + UDP_HEADER_BYTES + HEADER_BYTES;
}

/** The largest chunk whose datagram fits a path of this MTU. */
export function chunkBytesFor(mtuBytes: number, family: IpFamily): number {
  return (mtuBytes - headersBytes(family)) & ~3;
}

/** How many datagrams a plaintext of this length takes once it is sealed. */
export function chunksFor(plaintextBytes: number, chunkBytes: number): number {
  return Math.ceil((plaintextBytes + TAG_BYTES) / chunkBytes);
}

/** Datagrams with at most `chunkBytes` of the unit each; their number is that of its name. */
export function cutUnit({ type, counter, chunks, index, sealed }: SealedUnit, chunkBytes: number): Uint8Array[] {
  return Array.from({ length: chunks }, (_, chunk) => {
    const part = sealed.subarray(chunk * chunkBytes, chunks === 1 ? undefined : (chunk + 1) * chunkBytes);
    const datagram = Buffer.alloc(HEADER_BYTES + part.length);
    datagram[0] = type;
    datagram[CHUNK_AT] = chunk;
    datagram[CHUNKS_AT] = chunks;
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
    const chunk = bytes[CHUNK_AT]!;
    const chunks = bytes[CHUNKS_AT]!;
    if (chunk >= chunks || chunks > MAX_CHUNKS) return null;
    const index = bytes.readUInt32BE(INDEX_AT);
    const counter = bytes.readUIntBE(COUNTER_AT, 6);
    const part = bytes.subarray(HEADER_BYTES);
    const sealed = chunks === 1 ? part : this.#gather(`${index} ${counter}`, part, chunk, chunks);
    if (sealed?.length !== bytes.readUInt16BE(LENGTH_AT) || sealed.length < TAG_BYTES) return null;
    return { type: bytes[0]!, counter, chunks, index, sealed };
  }

  #gather(key: string, part: Uint8Array, chunk: number, chunks: number): Uint8Array | null {
    const half = this.#halves.get(key) ?? this.#begin(key, chunks);
    if (half.parts.length !== chunks || half.parts[chunk] !== undefined) return null;
    half.parts[chunk] = Uint8Array.from(part);
    if (--half.missing > 0) return null;
    this.#halves.delete(key);
    return Buffer.concat(half.parts.filter((there) => there !== undefined));
  }

  #begin(key: string, chunks: number): HalfUnit {
    if (this.#halves.size >= MAX_HALF_UNITS) this.#halves.delete(this.#halves.keys().next().value ?? '');
    const half = { parts: new Array<Uint8Array | undefined>(chunks).fill(undefined), missing: chunks };
    this.#halves.set(key, half);
    return half;
  }
}
