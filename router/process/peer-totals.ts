/**
 * Counters of the peers, over all forwarding threads, from their reports of what has changed: traffic is added, the last sign of life
 * is the youngest, the loss the worst.
 */
import type { NodeId } from '../../common/node-id.js';
import type { PeerCounters } from '../../common/router-port.js';
import type { ForwarderReport } from '../forwarder-messages.js';

type Totals = Omit<PeerCounters, 'peer' | 'lastReceivedMsAgo'>;

/** What one thread reported last. */
interface LaneTotals extends Totals {
  /** On the clock of the main thread. */
  readonly lastReceivedMs: number | null;
}

/** What is other than at the look before. */
export interface ChangedTotals {
  readonly peers: PeerCounters[];
  /** Peers that no thread knows any more. */
  readonly removed: NodeId[];
}

export class PeerTotals {
  /** By lane. Peers that had traffic; bounded by MAX_PEERS, the table of each thread. */
  readonly #totals = new Map<NodeId, (LaneTotals | undefined)[]>();
  readonly #changed = new Set<NodeId>();

  /** A thread reported. */
  take(lane: number, { removed, peers }: Pick<ForwarderReport, 'removed' | 'peers'>, nowMs: number): void {
    for (const id of removed) this.#remove(lane, id);
    for (const { peer, lastReceivedMsAgo, ...totals } of peers) {
      const lastReceivedMs = lastReceivedMsAgo === null ? null : nowMs - lastReceivedMsAgo;
      const lanes = this.#totals.get(peer) ?? [];
      lanes[lane] = { ...totals, lastReceivedMs };
      this.#totals.set(peer, lanes);
      this.#changed.add(peer);
    }
  }

  /** Whether there is anything to take. */
  get haveChanged(): boolean {
    return this.#changed.size > 0;
  }

  /** What has changed since the last time. */
  takeChanges(nowMs: number): ChangedTotals {
    const changed: ChangedTotals = { peers: [], removed: [] };
    for (const id of this.#changed) {
      const lanes = this.#totals.get(id);
      if (lanes === undefined) changed.removed.push(id);
      else changed.peers.push(sumOf(id, lanes, nowMs));
    }
    this.#changed.clear();
    return changed;
  }

  /** All peers that had traffic; nothing has changed then. */
  takeAll(nowMs: number): PeerCounters[] {
    this.#changed.clear();
    return Array.from(this.#totals, ([id, lanes]) => sumOf(id, lanes, nowMs));
  }

  #remove(lane: number, id: NodeId): void {
    const lanes = this.#totals.get(id);
    if (lanes === undefined) return;
    lanes[lane] = undefined;
    if (lanes.every((totals) => totals === undefined)) this.#totals.delete(id);
    this.#changed.add(id);
  }
}

function sumOf(peer: NodeId, lanes: readonly (LaneTotals | undefined)[], nowMs: number): PeerCounters {
  const sum = { txBytes: 0, txFrames: 0, rxBytes: 0, rxFrames: 0, lossRatio: 0 };
  let lastReceivedMs: number | null = null;
  for (const totals of lanes) {
    if (totals === undefined) continue;
    sum.txBytes += totals.txBytes;
    sum.txFrames += totals.txFrames;
    sum.rxBytes += totals.rxBytes;
    sum.rxFrames += totals.rxFrames;
    sum.lossRatio = Math.max(sum.lossRatio, totals.lossRatio);
    lastReceivedMs = youngest(lastReceivedMs, totals.lastReceivedMs);
  }
  return { peer, ...sum, lastReceivedMsAgo: lastReceivedMs === null ? null : Math.max(0, nowMs - lastReceivedMs) };
}

function youngest(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return Math.max(a, b);
}
