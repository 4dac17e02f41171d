/**
 * The slow obvious twin of the wire format (`docs/wire.md`): units sealed and opened by `node:crypto`, headers written
 * and read field by field. Tests play the other node with it, an honest or a hostile one.
 */
import { createDecipheriv } from 'node:crypto';
import type { CipherName } from '../../common/router-port.js';
import { laneKey } from '../aead/aead.js';
import { referenceSeal } from '../aead/selection.js';

export const WIRE_HEADER_BYTES = 16;
export const WIRE_TAG_BYTES = 16;
export const DATA = 5;
export const CONTROL = 6;
export const PROBE = 7;

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

export interface WireHeader {
  readonly type: number;
  readonly lane: number;
  readonly fragment: number;
  readonly fragments: number;
  readonly index: number;
  readonly unitBytes: number;
  readonly counter: number;
}

export interface OpenedUnit extends WireHeader {
  readonly plain: Uint8Array;
}

export function wireHeader(header: WireHeader): Uint8Array {
  const bytes = Buffer.alloc(WIRE_HEADER_BYTES);
  bytes.set([header.type, header.lane, header.fragment, header.fragments]);
  bytes.writeUInt32BE(header.index >>> 0, 4);
  bytes.writeUInt16BE(header.unitBytes & 0xffff, 8);
  bytes.writeUIntBE(header.counter % 2 ** 48, 10, 6);
  return bytes;
}

export function readWireHeader(datagram: Uint8Array): WireHeader {
  const bytes = Buffer.from(datagram);
  const [type = 0, lane = 0, fragment = 0, fragments = 0] = bytes;
  const [index, unitBytes, counter] = [bytes.readUInt32BE(4), bytes.readUInt16BE(8), bytes.readUIntBE(10, 6)];
  return { type, lane, fragment, fragments, index, unitBytes, counter };
}

/** The datagrams of a unit with this plaintext. */
export function sealUnit(key: WireKey, counter: number, plain: Uint8Array, options: SealOptions = {}): Uint8Array[] {
  const { type = DATA, lane = 0 } = options;
  const unitBytes = plain.length + WIRE_TAG_BYTES;
  const fragmentBytes = options.fragmentBytes ?? unitBytes;
  const fragments = Math.ceil(unitBytes / fragmentBytes);
  const { key: secret, salt } = laneKey(key.baseKey, lane);
  const sealed = referenceSeal(key.cipher, secret, salt, counter, plain, type, lane, fragments);
  return Array.from({ length: fragments }, (_, fragment) => {
    const header = wireHeader({ type, lane, fragment, fragments, index: key.index, unitBytes, counter });
    return Uint8Array.from(
      Buffer.concat([header, sealed.subarray(fragment * fragmentBytes, (fragment + 1) * fragmentBytes)]),
    );
  });
}

/** Every unit of which all datagrams are there, in the order of their counters. Throws when one does not open. */
export function openUnits(key: WireKey, datagrams: readonly Uint8Array[]): OpenedUnit[] {
  const byCounter = new Map<number, Uint8Array[]>();
  for (const datagram of datagrams) {
    const { counter, fragment } = readWireHeader(datagram);
    const fragments = byCounter.get(counter) ?? [];
    fragments[fragment] = datagram;
    byCounter.set(counter, fragments);
  }
  return [...byCounter.values()]
    .filter((fragments) => Object.keys(fragments).length === readWireHeader(Object.values(fragments)[0]!).fragments)
    .map((fragments) => openUnit(key, fragments))
    .sort((a, b) => a.counter - b.counter);
}

function openUnit(key: WireKey, datagrams: readonly Uint8Array[]): OpenedUnit {
  const header = readWireHeader(datagrams[0]!);
  const { key: secret, salt } = laneKey(key.baseKey, header.lane);
  const sealed = Buffer.concat(datagrams.map((datagram) => datagram.subarray(WIRE_HEADER_BYTES)));
  const nonce = Buffer.alloc(12);
  nonce.set(salt);
  nonce.writeBigUInt64BE(BigInt(header.counter), 4);
  const length = sealed.length - WIRE_TAG_BYTES;
  const decipher =
    key.cipher === 'aes-256-gcm'
      ? createDecipheriv('aes-256-gcm', secret, nonce)
      : createDecipheriv('chacha20-poly1305', secret, nonce, { authTagLength: WIRE_TAG_BYTES });
  decipher.setAAD(associatedData(header, length), { plaintextLength: length });
  decipher.setAuthTag(sealed.subarray(length));
  const plain = Uint8Array.from(Buffer.concat([decipher.update(sealed.subarray(0, length)), decipher.final()]));
  return { ...header, plain };
}

/** Counter as u64, type, lane, fragments, plaintext length as u16. */
function associatedData({ counter, type, lane, fragments }: WireHeader, length: number): Uint8Array {
  const bytes = Buffer.alloc(13);
  bytes.writeBigUInt64BE(BigInt(counter));
  bytes.set([type, lane, fragments], 8);
  bytes.writeUInt16BE(length, 11);
  return bytes;
}

/** Records back to back as in a data unit: length (u32, little-endian), record, padding to 4 bytes. */
export function packRecords(records: readonly Uint8Array[]): Uint8Array {
  const parts = records.map((record) => {
    const part = Buffer.alloc((4 + record.length + 3) & ~3);
    part.writeUInt32LE(record.length);
    part.set(record, 4);
    return part;
  });
  return Uint8Array.from(Buffer.concat(parts));
}

export function unpackRecords(plain: Uint8Array): Uint8Array[] {
  const records: Uint8Array[] = [];
  const view = new DataView(plain.buffer, plain.byteOffset, plain.byteLength);
  for (let at = 0; at < plain.length;) {
    const length = view.getUint32(at, true);
    records.push(plain.slice(at + 4, at + 4 + length));
    at = (at + 4 + length + 3) & ~3;
  }
  return records;
}
