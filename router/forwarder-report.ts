/**
 * Reports of a forwarding thread: counters, paths, sessions and relays at one moment. Of the counters of peers a report holds those
 * that have changed since the last one, at most {@link REPORTED_PEERS}: what a report takes does not depend on how many peers there are.
 */
import type { NodeId } from '../common/node-id.js';
import type { PeerCounters, PeerPath } from '../common/router-port.js';
import type { AeadEngine } from './aead/aead.js';
import type { ForwarderEvent, ForwarderReport } from './forwarder-messages.js';
import { REPORTED_PEERS } from './limits.js';
import type { RelayChannels } from './outside/relay-channels.js';
import type { Counters } from './tables/counters.js';
import { dropsByName } from './tables/counters.js';
import type { Peers } from './tables/peers.js';
import type { Refusals } from './tables/pools.js';
import type { Sessions } from './tables/sessions.js';

/** Parts of the thread. */
export interface Reported {
  readonly peers: Peers;
  readonly sessions: Sessions;
  readonly counters: Counters;
  readonly channels: RelayChannels;
  readonly aead: AeadEngine;
  readonly generation: () => number;
  /** False when there is no room for the event. */
  readonly emit: (event: ForwarderEvent) => boolean;
}

export type WholeReport = ForwarderReport & { readonly paths: readonly PeerPath[] };

export class ForwarderReports {
  /** Peers that were forgotten since the last report; bounded by the commands of the agent in a second. */
  readonly #removed = new Set<NodeId>();

  constructor(readonly thread: Reported) {}

  /** A peer is forgotten. */
  removed(id: NodeId): void {
    this.#removed.add(id);
  }

  /** Nothing has been removed: the counters begin anew. */
  clear(): void {
    this.#removed.clear();
  }

  /** What has changed since the last report that was emitted. */
  emitChanges(withPaths: boolean, nowMs: number): void {
    const { counters, peers, emit } = this.thread;
    const changed = counters.changed(REPORTED_PEERS);
    const report = {
      ...this.#head(nowMs),
      removed: [...this.#removed],
      peers: Array.from(changed).flatMap((index) => this.#countersOf(peers.idOf(index), index, nowMs)),
      hasMore: counters.changedCount > changed.length,
      paths: withPaths ? this.#paths(nowMs) : null,
    };
    if (!emit({ type: 'report', ...report })) return;
    counters.settle(changed);
    this.#removed.clear();
  }

  /** Of all peers, whatever was reported before. */
  whole(nowMs: number): WholeReport {
    const peers = Array.from(this.thread.peers.ids(), ([id, index]) => this.#countersOf(id, index, nowMs)).flat();
    return { ...this.#head(nowMs), removed: [], peers, hasMore: false, paths: this.#paths(nowMs) };
  }

  #head(nowMs: number): Omit<ForwarderReport, 'peers' | 'removed' | 'hasMore' | 'paths'> {
    const { generation, counters, sessions, channels } = this.thread;
    return {
      generation: generation(),
      drops: dropsByName(counters.drops),
      sessions: sessions.statuses(nowMs),
      refusals: refusalsOf(this.thread),
      relays: channels.idleTimes(nowMs),
    };
  }

  /** None of a peer that was forgotten. */
  #countersOf(peer: NodeId | undefined, index: number, nowMs: number): PeerCounters[] {
    if (peer === undefined) return [];
    const { lastReceivedMs, ...totals } = this.thread.counters.totals(index);
    return [{ peer, ...totals, lastReceivedMsAgo: lastReceivedMs === 0 ? null : nowMs - lastReceivedMs }];
  }

  #paths(nowMs: number): PeerPath[] {
    const { peers } = this.thread;
    const paths: PeerPath[] = [];
    for (const [peer, index] of peers.ids()) {
      const endpoint = peers.endpoint(index);
      if (endpoint === null) continue;
      const relayed = peers.relayedPath(index);
      const local = peers.localOf(index);
      paths.push({
        peer,
        endpoint,
        mtuBytes: peers.mtuBytes(index),
        upForMs: peers.upForMs(index, nowMs),
        ...(relayed === undefined ? { local } : { relay: relayed.route }),
      });
    }
    return paths;
  }
}

function refusalsOf({ peers, sessions, aead }: Reported): Refusals {
  const counted = {
    peers: peers.refusals,
    receiveContexts: sessions.refusedContexts,
    expandedKeys: aead.refusedKeys,
  };
  return Object.fromEntries(Object.entries(counted).filter(([, count]) => count > 0));
}
