/**
 * Reference codec of units: sealed and opened by `node:crypto`, cut and reassembled datagram by datagram. Tests and the crowd
 * (`test/crowd/`) play other nodes with it, honest or hostile ones; the router is compared with it.
 */
import { createDecipheriv } from 'node:crypto';
import type { CipherName } from '../../common/router-port.js';
import { paddedRecordBytes, RECORD_LENGTH_BYTES } from '../../common/wire/data-unit.js';
import type { DatagramHeader } from '../../common/wire/datagram-header.js';
import {
  checkDatagram,
  DATAGRAM_HEADER_BYTES,
  datagramType,
  isSealedType,
  readHeader,
  TYPE_DATA,
  writeHeader,
} from '../../common/wire/datagram-header.js';
import { fragmentsFor, TAG_BYTES } from '../../common/wire/sealed-unit.js';
import { laneKey } from '../aead/aead.js';
import { associatedData, nodeCipher, nonceOf, referenceSeal } from '../aead/reference-seal.js';

/** One direction of a session. */
export interface WireKey {
  readonly cipher: CipherName;
  readonly baseKey: Uint8Array;
  /** The session index that the receiver chose. */
  readonly index: number;
}

export interface SealOptions {
  readonly type?: number;
  readonly lane?: number;
  /** Bytes of the sealed unit in each datagram; all of them when absent. */
  readonly fragmentBytes?: number;
}

/** A whole unit, still sealed; fields of the header that all its datagrams share. */
export interface SealedUnit extends Omit<DatagramHeader, 'fragment'> {
  readonly sealed: Uint8Array;
}

export interface OpenedUnit extends SealedUnit {
  readonly plain: Uint8Array;
}

/** Derived keys by base key: a crowd seals and opens many units with each. */
const laneKeys = new WeakMap<Uint8Array, Map<number, ReturnType<typeof laneKey>>>();

/** The 16 bytes of a header; what exceeds its field is cut off at the top. */
export function encodeHeader(header: DatagramHeader): Uint8Array {
  const bytes = new Uint8Array(DATAGRAM_HEADER_BYTES);
  writeHeader(bytes, header);
  return bytes;
}

/** The datagrams of a unit with this plaintext. */
export function sealUnit(key: WireKey, counter: number, plain: Uint8Array, options: SealOptions = {}): Uint8Array[] {
  const { type = TYPE_DATA, lane = 0 } = options;
  const unitBytes = plain.length + TAG_BYTES;
  const fragmentBytes = options.fragmentBytes ?? unitBytes;
  const fragments = fragmentsFor(unitBytes, fragmentBytes);
  const { key: secret, salt } = laneKeyOf(key, lane);
  const sealed = referenceSeal(key.cipher, secret, salt, plain, { counter, type, lane, fragments });
  return Array.from({ length: fragments }, (_, fragment) => {
    const datagram = new Uint8Array(
      DATAGRAM_HEADER_BYTES + Math.min(fragmentBytes, unitBytes - fragment * fragmentBytes),
    );
    writeHeader(datagram, { type, lane, fragment, fragments, index: key.index, unitBytes, counter });
    datagram.set(sealed.subarray(fragment * fragmentBytes, (fragment + 1) * fragmentBytes), DATAGRAM_HEADER_BYTES);
    return datagram;
  });
}

/** The unit with its plaintext, or null when it is not authentic. */
export function openUnit(key: WireKey, unit: SealedUnit): OpenedUnit | null {
  const { key: secret, salt } = laneKeyOf(key, unit.lane);
  const length = unit.sealed.length - TAG_BYTES;
  const nonce = nonceOf(salt, unit.counter);
  const decipher = createDecipheriv(nodeCipher(key.cipher), secret, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(associatedData(unit, length), { plaintextLength: length });
  decipher.setAuthTag(unit.sealed.subarray(length));
  try {
    const plain = Uint8Array.from(Buffer.concat([decipher.update(unit.sealed.subarray(0, length)), decipher.final()]));
    return { ...unit, plain };
  } catch {
    // OpenSSL's error for a wrong tag has no code of its own.
    return null;
  }
}

/** Every unit of which all datagrams are there and that is authentic, in the order of their counters. */
export function openUnits(key: WireKey, datagrams: readonly Uint8Array[]): OpenedUnit[] {
  const reassembly = new ReferenceReassembly(datagrams.length);
  const units = datagrams.map((datagram) => reassembly.add(datagram)).filter((unit) => unit !== null);
  return units
    .map((unit) => openUnit(key, unit))
    .filter((unit) => unit !== null)
    .sort((a, b) => a.counter - b.counter);
}

/** Reassembly of the units of one node from the datagrams that arrive. */
export class ReferenceReassembly {
  /** By index, lane and counter. Bounded by `maxUnits`: beyond it the oldest is dropped. */
  readonly #incomplete = new Map<string, (Uint8Array | undefined)[]>();

  constructor(readonly maxUnits: number) {}

  /** The unit that this datagram completes; null while fragments are missing, and for what is no fragment. */
  add(datagram: Uint8Array): SealedUnit | null {
    if (!checkDatagram(datagram) || !isSealedType(datagramType(datagram))) return null;
    const header = readHeader(datagram);
    const parts = this.#partsOf(header);
    if (parts.length !== header.fragments) return null;
    parts[header.fragment] ??= datagram.slice(DATAGRAM_HEADER_BYTES);
    if (parts.includes(undefined)) return null;
    this.#incomplete.delete(keyOf(header));
    const sealed = Uint8Array.from(Buffer.concat(parts.filter((part) => part !== undefined)));
    return sealed.length === header.unitBytes ? { ...header, sealed } : null;
  }

  #partsOf(header: DatagramHeader): (Uint8Array | undefined)[] {
    const key = keyOf(header);
    const known = this.#incomplete.get(key);
    if (known !== undefined) return known;
    if (this.#incomplete.size >= this.maxUnits) this.#incomplete.delete(this.#incomplete.keys().next().value ?? '');
    const parts = new Array<Uint8Array | undefined>(header.fragments).fill(undefined);
    this.#incomplete.set(key, parts);
    return parts;
  }
}

/** Plaintext of a data unit with these records. */
export function packRecords(records: readonly Uint8Array[]): Uint8Array {
  const padded = records.map((record) => {
    const bytes = Buffer.alloc(paddedRecordBytes(record.length));
    bytes.writeUInt32LE(record.length);
    bytes.set(record, RECORD_LENGTH_BYTES);
    return bytes;
  });
  return Uint8Array.from(Buffer.concat(padded));
}

function keyOf({ index, lane, counter }: DatagramHeader): string {
  return `${index} ${lane} ${counter}`;
}

function laneKeyOf({ baseKey }: WireKey, lane: number): ReturnType<typeof laneKey> {
  const known = laneKeys.get(baseKey) ?? new Map<number, ReturnType<typeof laneKey>>();
  laneKeys.set(baseKey, known);
  const derived = known.get(lane) ?? laneKey(baseKey, lane);
  known.set(lane, derived);
  return derived;
}
