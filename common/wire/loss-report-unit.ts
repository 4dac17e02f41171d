/**
 * Plaintext of a probe unit, type 7, of kind 2: what a receiver opened of one lane of a session, told to its sender
 * (`docs/wire.md`, section 5). Totals since the session began, so that a lost report costs nothing. Big-endian.
 *
 * ```
 *  0        1        2         4                8            16            24              32
 *  +--------+--------+---------+----------------+------------+-------------+---------------+
 *  | kind 2 | lane   | zero    | session index  | sent       | opened      | datagrams     |
 *  | u8     | u8     |         | u32            | f64        | f64         | f64           |
 *  +--------+--------+---------+----------------+------------+-------------+---------------+
 * ```
 * `session index` is the reporter's own. `sent` is the highest unit counter that it opened, plus one; `opened` are the units,
 * and `datagrams` the datagrams of them.
 */
import { KIND_LOSS_REPORT, probeKind } from './probe-unit.js';

const KIND_AT = 0;
const LANE_AT = KIND_AT + 1;
const INDEX_AT = LANE_AT + 3;
const SENT_AT = INDEX_AT + 4;
const OPENED_AT = SENT_AT + 8;
const DATAGRAMS_AT = OPENED_AT + 8;
export const LOSS_REPORT_BYTES = DATAGRAMS_AT + 8;

export interface LossReport {
  readonly lane: number;
  /** Session index of the side that reports. */
  readonly index: number;
  readonly sent: number;
  readonly opened: number;
  readonly datagrams: number;
}

/** Whether the unit of `length` bytes at `at` is a loss report. The accessors below need no more. */
export function checkLossReport(view: DataView, at: number, length: number): boolean {
  return length >= LOSS_REPORT_BYTES && probeKind(view, at) === KIND_LOSS_REPORT;
}

export function readLossReport(view: DataView, at: number): LossReport {
  return {
    lane: view.getUint8(at + LANE_AT),
    index: view.getUint32(at + INDEX_AT),
    sent: view.getFloat64(at + SENT_AT),
    opened: view.getFloat64(at + OPENED_AT),
    datagrams: view.getFloat64(at + DATAGRAMS_AT),
  };
}

/** Writes a report at `at`, where LOSS_REPORT_BYTES are zero. */
export function writeLossReport(view: DataView, at: number, report: LossReport): void {
  view.setUint8(at + KIND_AT, KIND_LOSS_REPORT);
  view.setUint8(at + LANE_AT, report.lane);
  view.setUint32(at + INDEX_AT, report.index);
  view.setFloat64(at + SENT_AT, report.sent);
  view.setFloat64(at + OPENED_AT, report.opened);
  view.setFloat64(at + DATAGRAMS_AT, report.datagrams);
}

/** Whether the figures agree with each other; false also for what is not a number. */
export function isConsistent({ sent, opened, datagrams }: LossReport): boolean {
  return opened >= 0 && opened <= sent && datagrams >= opened;
}

/** One line for people: `loss report, lane 0, session 0x0a100002: 98 of 100 units opened, in 4312 datagrams`. */
export function describeLossReport(view: DataView, at: number): string {
  const { lane, index, sent, opened, datagrams } = readLossReport(view, at);
  const session = `session 0x${index.toString(16).padStart(8, '0')}`;
  return `loss report, lane ${lane}, ${session}: ${opened} of ${sent} units opened, in ${datagrams} datagrams`;
}
