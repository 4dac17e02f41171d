/** Probes, their answers and loss reports as bytes (`docs/wire.md`, section 5): written and read, no more. Pure. */
import { ipFromBytes, ipToBytes } from '../../common/address/ip-address.js';
import type { SocketAddress } from '../../common/address/socket-address.js';
import { REPORT_BYTES } from '../../router/outside/loss-reports.js';
import { KIND_ANSWER, KIND_PROBE, KIND_REPORT } from '../../router/outside/probe-kinds.js';

export const PROBE_BYTES = 40;
const ID_AT = 4;
const SENT_AT = 8;
const SIZE_AT = 16;
const PORT_AT = 18;
const ADDRESS_AT = 20;
const ADDRESS_BYTES = 16;

export interface Probe {
  readonly probeId: number;
  readonly sentUs: number;
  /** Of the IP packet that carried the probe. */
  readonly sizeBytes: number;
}

export type ProbeUnit =
  | ({ readonly kind: 'probe' } & Probe)
  | ({ readonly kind: 'answer'; readonly observed: SocketAddress } & Probe)
  | { readonly kind: 'report' };

export interface LossReport {
  /** Session index of the side that reports. */
  readonly index: number;
  readonly sent: number;
  readonly opened: number;
  readonly datagrams: number;
}

/** @param length of the plaintext, {@link PROBE_BYTES} or more */
export function encodeProbe(probe: Probe, length: number): Uint8Array {
  return written(KIND_PROBE, length, probe);
}

/** @param observed where the probe was seen to come from */
export function encodeAnswer(probe: Probe, observed: SocketAddress): Uint8Array {
  const unit = written(KIND_ANSWER, PROBE_BYTES, probe);
  const address = ipToBytes(observed.ip);
  unit.writeUInt16BE(observed.port, PORT_AT);
  if (address.length === 4) unit.fill(0xff, ADDRESS_AT + 10, ADDRESS_AT + 12);
  unit.set(address, ADDRESS_AT + ADDRESS_BYTES - address.length);
  return unit;
}

export function encodeReport({ index, sent, opened, datagrams }: LossReport): Uint8Array {
  const unit = Buffer.alloc(REPORT_BYTES);
  unit[0] = KIND_REPORT;
  unit.writeUInt32BE(index, 4);
  unit.writeDoubleBE(sent, 8);
  unit.writeDoubleBE(opened, 16);
  unit.writeDoubleBE(datagrams, 24);
  return unit;
}

/** Null for what is none of them. */
export function readProbeUnit(plaintext: Uint8Array): ProbeUnit | null {
  const unit = Buffer.from(plaintext.buffer, plaintext.byteOffset, plaintext.byteLength);
  if (unit[0] === KIND_REPORT) return unit.length >= REPORT_BYTES ? { kind: 'report' } : null;
  if (unit.length < PROBE_BYTES || unit[0]! > KIND_ANSWER) return null;
  const probe = {
    probeId: unit.readUInt32BE(ID_AT),
    sentUs: unit.readDoubleBE(SENT_AT),
    sizeBytes: unit.readUInt16BE(SIZE_AT),
  };
  if (unit[0] === KIND_PROBE) return { kind: 'probe', ...probe };
  const ip = ipFromBytes(Uint8Array.from(unit.subarray(ADDRESS_AT, ADDRESS_AT + ADDRESS_BYTES)));
  return { kind: 'answer', ...probe, observed: { ip, port: unit.readUInt16BE(PORT_AT) } };
}

function written(kind: number, length: number, { probeId, sentUs, sizeBytes }: Probe): Buffer {
  const unit = Buffer.alloc(length);
  unit[0] = kind;
  unit.writeUInt32BE(probeId, ID_AT);
  unit.writeDoubleBE(sentUs, SENT_AT);
  unit.writeUInt16BE(sizeBytes, SIZE_AT);
  return unit;
}
