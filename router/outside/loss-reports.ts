/**
 * Loss reports between routers, and the number of fragments per unit that follows from them. A lost datagram costs its whole
 * unit, so units are large where nothing is lost and small where something is. The receiving router counts what it opened and
 * reports it to the sending one while units arrive. Bytes: `common/wire/loss-report-unit.ts`.
 */
import type { Arena } from '../kernel/arena.js';
import type { Counters } from '../tables/counters.js';
import { TYPE_PROBE } from '../../common/wire/datagram-header.js';
import {
  checkLossReport,
  isConsistent,
  LOSS_REPORT_BYTES,
  readLossReport,
  writeLossReport,
} from '../../common/wire/loss-report-unit.js';
import type { LossReport } from '../../common/wire/loss-report-unit.js';
import { swap32 } from '../kernel/byte-order.js';
import { DROP } from '../tables/drop-reasons.js';
import { MAX_PEERS } from '../../common/protocol.js';
import { MAX_RECEIVE_CONTEXTS } from '../limits.js';
import { UDP_MAX_SEGMENTS } from '../kernel/linux-abi.js';
import type { Peers } from '../tables/peers.js';
import { NO_SESSION } from '../tables/peers.js';
import type { Sessions } from '../tables/sessions.js';
import type { UnitSender } from './unit-sender.js';

/** Interval while units are missing: TCP notices a better number of fragments within a few round trips. */
const REPORT_INTERVAL_MS = 50;
/** Interval while nothing is lost. */
const QUIET_INTERVAL_MS = 500;
/** Interval while only probes and control units arrive: more often, reports would be most of what an idle link carries. */
export const IDLE_INTERVAL_MS = 10_000;
/** Fewer units than this are no sample; they are added to those of the next report. */
const MIN_UNITS = 4;
/** Time in which the estimate falls to 1/e once nothing is lost any more. */
const FORGET_MS = 400;

/**
 * Fragments per unit for a loss ratio below the bound. Measured over a path with random loss (`docs/measurements.md`): one
 * fragment per unit costs more in work than it saves.
 */
const CUTS = [
  { below: 0.0001, fragments: UDP_MAX_SEGMENTS },
  { below: 0.0005, fragments: 24 },
  { below: 0.002, fragments: 16 },
  { below: 0.03, fragments: 8 },
  { below: Infinity, fragments: 4 },
] as const;

/** Fragments that a unit may have at this loss ratio. */
export function fragmentBudgetFor(lossRatio: number): number {
  return CUTS.find(({ below }) => lossRatio < below)!.fragments;
}

/** The share of datagrams lost when this share of units of `datagramsPerUnit` was: 1 - (1 - u)^(1/n). */
export function datagramLoss(unitLoss: number, datagramsPerUnit: number): number {
  return 1 - Math.pow(1 - Math.min(unitLoss, 0.999), 1 / Math.max(1, datagramsPerUnit));
}

export class LossReports {
  // Receiving side, by receive context: times of the last check and the last report, and how many units were missing then.
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
    /** Passes a report about another lane on to its thread: a peer with fewer lanes sends all reports by those it has. */
    private readonly onOtherLane: (peer: number, report: LossReport) => void,
  ) {}

  /** To be called for every opened unit: sends a report when one is due. */
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

  /** Takes the report of `peer` about what this router sent to it. */
  receive(peer: number, unit: number, length: number, nowMs: number): void {
    const { view } = this.arena;
    const session = this.peers.activeSession[peer]!;
    if (!checkLossReport(view, unit, length) || session === NO_SESSION) return this.#drop();
    const report = readLossReport(view, unit);
    if (report.lane === this.sessions.lane) this.learn(peer, report, nowMs);
    else this.onOtherLane(peer, report);
  }

  /** Takes a report about this thread's lane. */
  learn(peer: number, report: LossReport, nowMs: number): void {
    const session = this.peers.activeSession[peer]!;
    const { remoteWireIndexes, nextCounter } = this.sessions;
    // A late report about the session before says nothing here.
    if (session === NO_SESSION || swap32(remoteWireIndexes[session]!) !== report.index) return;
    if (!isConsistent(report) || report.sent > nextCounter[session]!) return this.#drop();
    this.#learn(peer, session, report, nowMs);
  }

  /** Drops the estimate of a peer, before another peer gets its number. */
  forget(peer: number): void {
    this.#session[peer] = NO_SESSION;
    this.#ratio[peer] = 0;
  }

  #learn(peer: number, session: number, { sent, opened, datagrams }: LossReport, nowMs: number): void {
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
    const { peerOf, wireIndexes, windows, unitsOpened, datagramsOpened } = this.sessions;
    const peer = peerOf[session]!;
    if (this.peers.activeSession[peer] === NO_SESSION) return;
    if (this.sender.freeSlots === 0) this.sender.flush();
    const slot = this.sender.take(peer);
    const unit = this.sender.unitAt(slot);
    u8.fill(0, unit, unit + LOSS_REPORT_BYTES);
    writeLossReport(view, unit, {
      lane,
      index: swap32(wireIndexes[session]!),
      sent: windows.highest(context) + 1,
      opened: unitsOpened[context]!,
      datagrams: datagramsOpened[context]!,
    });
    this.sender.closeWhole(slot, LOSS_REPORT_BYTES, TYPE_PROBE);
    this.sender.flush();
  }

  #drop(): void {
    this.counters.drops[DROP.malformedProbe]!++;
  }
}
