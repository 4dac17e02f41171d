/**
 * Plaintext of a probe unit, type 7, of kind 0 and 1: a probe, and its answer (`docs/wire.md`, section 5). Kind 2 is in
 * `loss-report-unit.ts`. Big-endian.
 *
 * ```
 *  0        1        4           8            16         18         20                36        40
 *  +--------+--------+-----------+------------+----------+----------+-----------------+---------+- - - - -
 *  | kind   | zero   | probe id  | sent, us   | size     | observed | observed        | zero    | padding
 *  | u8     |        | u32       | f64        | u16      | port u16 | address, 16     |         | zeros
 *  +--------+--------+-----------+------------+----------+----------+-----------------+---------+- - - - -
 * ```
 * `sent` is the clock of the asking side and returns as it came. `size` is that of the probe's IP packet. `observed` is where
 * the probe was seen to come from, zero in a probe; IPv4 is `::ffff:a.b.c.d`.
 */
import { ipFromBytes, ipToBytes } from '../address/ip-address.js';
import type { SocketAddress } from '../address/socket-address.js';
import { formatSocketAddress } from '../address/socket-address.js';

const KIND_AT = 0;
const ID_AT = KIND_AT + 4;
const SENT_AT = ID_AT + 4;
const SIZE_AT = SENT_AT + 8;
const PORT_AT = SIZE_AT + 2;
const ADDRESS_AT = PORT_AT + 2;
const ADDRESS_BYTES = 16;
/** Bytes of an answer, and the fewest of a probe, which is padded to its size. */
export const PROBE_BYTES = ADDRESS_AT + ADDRESS_BYTES + 4;

// Append-only: other versions send these numbers.
export const KIND_PROBE = 0;
export const KIND_ANSWER = 1;
export const KIND_LOSS_REPORT = 2;

export interface Probe {
  readonly probeId: number;
  readonly sentUs: number;
  /** Of the IP packet that carried the probe. */
  readonly sizeBytes: number;
}

/** Whether the unit of `length` bytes at `at` is a probe or an answer. The accessors below need no more. */
export function checkProbe(view: DataView, at: number, length: number): boolean {
  return length >= PROBE_BYTES && probeKind(view, at) <= KIND_ANSWER;
}

/** Kind of a probe unit that has at least a byte. */
export function probeKind(view: DataView, at: number): number {
  return view.getUint8(at + KIND_AT);
}

export function readProbe(view: DataView, at: number): Probe {
  return {
    probeId: view.getUint32(at + ID_AT),
    sentUs: view.getFloat64(at + SENT_AT),
    sizeBytes: view.getUint16(at + SIZE_AT),
  };
}

/** Where the node that answered saw the probe come from. */
export function readObserved(view: DataView, at: number): SocketAddress {
  const bytes = Uint8Array.from({ length: ADDRESS_BYTES }, (_, i) => view.getUint8(at + ADDRESS_AT + i));
  return { ip: ipFromBytes(bytes), port: view.getUint16(at + PORT_AT) };
}

/** Writes a probe at `at`, where all its bytes are zero. */
export function writeProbe(view: DataView, at: number, { probeId, sentUs, sizeBytes }: Probe): void {
  view.setUint8(at + KIND_AT, KIND_PROBE);
  view.setUint32(at + ID_AT, probeId);
  view.setFloat64(at + SENT_AT, sentUs);
  view.setUint16(at + SIZE_AT, sizeBytes);
}

/** Writes the answer to the probe at `probeAt` of `probe`, bit for bit as it came, at `at`, where PROBE_BYTES are zero. */
export function writeAnswer(
  view: DataView,
  at: number,
  probe: DataView,
  probeAt: number,
  observed: SocketAddress,
): void {
  view.setUint8(at + KIND_AT, KIND_ANSWER);
  for (let i = ID_AT; i < PORT_AT; i++) view.setUint8(at + i, probe.getUint8(probeAt + i));
  view.setUint16(at + PORT_AT, observed.port);
  const address = ipToBytes(observed.ip);
  const start = at + ADDRESS_AT + ADDRESS_BYTES - address.length;
  if (address.length === 4) view.setUint16(start - 2, 0xffff);
  address.forEach((byte, i) => view.setUint8(start + i, byte));
}

/** One line for people: `probe 7 of 128 bytes`, `answer to probe 7 of 128 bytes, seen from 192.0.2.1:6785`. */
export function describeProbe(view: DataView, at: number): string {
  const { probeId, sizeBytes } = readProbe(view, at);
  const probe = `probe ${probeId} of ${sizeBytes} bytes`;
  if (probeKind(view, at) === KIND_PROBE) return probe;
  return `answer to ${probe}, seen from ${formatSocketAddress(readObserved(view, at))}`;
}
