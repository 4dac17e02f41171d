/**
 * How much of a link is lost, and what follows from it. A lost datagram takes its whole unit along, so units are large
 * where nothing is lost and small where something is. The receiving router counts what it opened and tells the sending
 * one, in a sealed probe unit (kind 2), while units arrive; totals since the session began, so a lost report costs nothing.
 *
 *   0        1        2         4                8            16            24              32
 *   +--------+--------+---------+----------------+------------+-------------+---------------+
 *   | kind 2 | lane   | zero    | session index  | sent f64   | opened f64  | datagrams f64 |
 *   +--------+--------+---------+----------------+------------+-------------+---------------+
 *
 * `session index` is the receiver's own; `sent` is its highest unit counter plus one, `opened` the units and `datagrams`
 * the datagrams of them that it opened.
 */
import type { Arena } from '../kernel/arena.js';
import type { Counters } from '../tables/counters.js';
import { swap32, TYPE_PROBE } from '../../common/wire/datagram.js';
import { DROP } from '../tables/drop-reasons.js';
import { MAX_PEERS, MAX_RECEIVE_CONTEXTS } from '../limits.js';
import { UDP_MAX_SEGMENTS } from '../kernel/linux-abi.js';
import type { Peers } from '../tables/peers.js';
import { NO_SESSION } from '../tables/peers.js';
import { KIND_REPORT } from './probe-kinds.js';
import type { Sessions } from '../tables/sessions.js';
import type { UnitSender } from './unit-sender.js';

export const REPORT_BYTES = 32;
/** Reports while units arrive: often enough for TCP to notice a better cut within a few round trips. */
const REPORT_INTERVAL_MS = 50;
/** And that is how often while nothing gets lost. */
const QUIET_INTERVAL_MS = 500;
/** While only probes and control messages come: reports about each other's probes would be most of what an idle link carries. */
export const IDLE_INTERVAL_MS = 10_000;
/** Fewer units than this say nothing; they are added to the next report's. */
const MIN_UNITS = 4;
/** The estimate falls to a third in this time once nothing is lost any more. */
const FORGET_MS = 400;

/**
 * Datagrams per unit for a loss ratio below the bound. Measured over a path with random loss (`docs/data-path.md`): one
 * datagram per unit costs more in work than it saves.
 */
const CUTS = [
  { below: 0.0001, fragments: UDP_MAX_SEGMENTS },
  { below: 0.0005, fragments: 24 },
  { below: 0.002, fragments: 16 },
  { below: 0.03, fragments: 8 },
  { below: Infinity, fragments: 4 },
] as const;

/** Datagrams that a unit may be cut into at this loss ratio. */
export function fragmentBudgetFor(lossRatio: number): number {
  return CUTS.find(({ below }) => lossRatio < below)!.fragments;
}

/** The share of datagrams lost when this share of units of `datagramsPerUnit` was: 1 - (1 - u)^(1/n). */
export function datagramLoss(unitLoss: number, datagramsPerUnit: number): number {
  return 1 - Math.pow(1 - Math.min(unitLoss, 0.999), 1 / Math.max(1, datagramsPerUnit));
}

export class LossReports {
  // Receiving side, by receive context: when it last looked, when it last reported, and how many units were missing.
  readonly #lookedMs = new Float64Array(MAX_RECEIVE_CONTEXTS);
  readonly #reportedMs = new Float64Array(MAX_RECEIVE_CONTEXTS);
  readonly #missing = new Float64Array(MAX_RECEIVE_CONTEXTS);
  // Sending side, by peer: the session and totals of the last report, and the estimate.
  readonly #session = new Int32Array(MAX_PEERS + 1).fill(NO_SESSION);
  readonly #sentThen = new Float64Array(MAX_PEERS + 1);
  readonly #openedThen = new Float64Array(MAX_PEERS + 1);
  readonly #datagramsThen = new Float64Array(MAX_PEERS + 1);
  readonly #learntMs = new Float64Array(MAX_PEERS + 1);
  readonly #ratio = new Float64Array(MAX_PEERS + 1);

  constructor(
    private readonly arena: Arena,
    private readonly peers: Peers,
    private readonly sessions: Sessions,
    private readonly sender: UnitSender,
    private readonly counters: Counters,
  ) {}

  /** To be called for every opened unit: reports when it is time. */
  opened(session: number, context: number, lane: number, isData: boolean, nowMs: number): void {
    if (nowMs - this.#lookedMs[context]! < (isData ? REPORT_INTERVAL_MS : IDLE_INTERVAL_MS)) return;
    this.#lookedMs[context] = nowMs;
    const { windows, unitsOpened } = this.sessions;
    const missing = windows.highest(context) + 1 - unitsOpened[context]!;
    if (missing === this.#missing[context] && nowMs - this.#reportedMs[context]! < QUIET_INTERVAL_MS) return;
    this.#missing[context] = missing;
    this.#reportedMs[context] = nowMs;
    this.#send(session, context, lane);
  }

  /** Takes the report of `peer` about what this router sent. */
  receive(peer: number, unit: number, length: number, nowMs: number): void {
    const { u8, view } = this.arena;
    const session = this.peers.activeSession[peer]!;
    if (length < REPORT_BYTES || session === NO_SESSION) {
      this.counters.drops[DROP.malformedProbe]!++;
      return;
    }
    const wireIndex = this.sessions.remoteWireIndexes[session]!;
    // A late report about the session before, or another lane's: of no use here.
    if (swap32(wireIndex) !== view.getUint32(unit + 4) || u8[unit + 1] !== this.sessions.lane) return;
    const sent = view.getFloat64(unit + 8);
    const opened = view.getFloat64(unit + 16);
    const datagrams = view.getFloat64(unit + 24);
    if (!(opened >= 0 && opened <= sent && datagrams >= opened && sent <= this.sessions.nextCounter[session]!)) {
      this.counters.drops[DROP.malformedProbe]!++;
      return;
    }
    this.#learn(peer, session, sent, opened, datagrams, nowMs);
  }

  /** What was learnt of a peer is not true of whoever gets its number next. */
  forget(peer: number): void {
    this.#session[peer] = NO_SESSION;
    this.#ratio[peer] = 0;
  }

  #learn(peer: number, session: number, sent: number, opened: number, datagrams: number, nowMs: number): void {
    if (this.#session[peer] !== session || opened < this.#openedThen[peer]!) {
      this.#session[peer] = session;
      this.#sentThen[peer] = this.#openedThen[peer] = this.#datagramsThen[peer] = 0;
    }
    const sentNow = sent - this.#sentThen[peer]!;
    const openedNow = opened - this.#openedThen[peer]!;
    if (sentNow < MIN_UNITS) return;
    const perUnit =
      openedNow > 0 ? (datagrams - this.#datagramsThen[peer]!) / openedNow : this.peers.fragmentBudget(peer);
    const loss = datagramLoss(Math.max(0, 1 - openedNow / sentNow), perUnit);
    this.#sentThen[peer] = sent;
    this.#openedThen[peer] = opened;
    this.#datagramsThen[peer] = datagrams;
    const kept = this.#ratio[peer]! * Math.exp((this.#learntMs[peer]! - nowMs) / FORGET_MS);
    const ratio = Math.max(kept, (this.#ratio[peer]! + loss) / 2, 0);
    this.#learntMs[peer] = nowMs;
    this.#ratio[peer] = ratio < 1e-6 ? 0 : ratio;
    this.counters.lossReported(peer, this.#ratio[peer]);
    const budget = fragmentBudgetFor(this.#ratio[peer]);
    if (budget !== this.peers.fragmentBudget(peer)) this.peers.setFragmentBudget(peer, budget);
  }

  #send(session: number, context: number, lane: number): void {
    const { u8, view } = this.arena;
    const peer = this.sessions.peerOf[session]!;
    if (this.peers.activeSession[peer] === NO_SESSION) return;
    if (this.sender.freeSlots === 0) this.sender.flush();
    const slot = this.sender.take(peer);
    const unit = this.sender.unitAt(slot);
    u8.fill(0, unit, unit + REPORT_BYTES);
    u8[unit] = KIND_REPORT;
    u8[unit + 1] = lane;
    view.setUint32(unit + 4, swap32(this.sessions.wireIndexes[session]!));
    view.setFloat64(unit + 8, this.sessions.windows.highest(context) + 1);
    view.setFloat64(unit + 16, this.sessions.unitsOpened[context]!);
    view.setFloat64(unit + 24, this.sessions.datagramsOpened[context]!);
    this.sender.closeWhole(slot, REPORT_BYTES, TYPE_PROBE);
    this.sender.flush();
  }
}
