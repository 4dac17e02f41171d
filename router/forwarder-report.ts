/** Report of a forwarding thread: counters, paths, sessions and relays at one moment. */
import type { PeerCounters, PeerPath } from '../common/router-port.js';
import type { AeadEngine } from './aead/aead.js';
import type { ForwarderReport } from './forwarder-messages.js';
import type { RelayChannels } from './outside/relay-channels.js';
import type { Counters } from './tables/counters.js';
import { dropsByName } from './tables/counters.js';
import type { Peers } from './tables/peers.js';
import type { Refusals } from './tables/pools.js';
import type { Sessions } from './tables/sessions.js';

export interface Reported {
  readonly generation: number;
  readonly peers: Peers;
  readonly sessions: Sessions;
  readonly counters: Counters;
  readonly channels: RelayChannels;
  readonly aead: AeadEngine;
}

export function reportOf(thread: Reported, nowMs: number): ForwarderReport {
  const { generation, sessions, counters, channels } = thread;
  const peers: PeerCounters[] = [];
  const paths: PeerPath[] = [];
  for (const [peer, index] of thread.peers.ids()) {
    const { lastReceivedMs, ...totals } = counters.totals(index);
    peers.push({ peer, ...totals, lastReceivedMsAgo: lastReceivedMs === 0 ? null : nowMs - lastReceivedMs });
    const endpoint = thread.peers.endpoint(index);
    if (endpoint === null) continue;
    const relayed = thread.peers.relayedPath(index);
    const relay = relayed === undefined ? {} : { relay: relayed.route };
    const path = { mtuBytes: thread.peers.mtuBytes(index), upForMs: thread.peers.upForMs(index, nowMs), ...relay };
    paths.push({ peer, endpoint, ...path });
  }
  return {
    generation,
    drops: dropsByName(counters.drops),
    peers,
    paths,
    sessions: sessions.statuses(nowMs),
    refusals: refusalsOf(thread),
    relays: channels.idleTimes(nowMs),
  };
}

function refusalsOf({ peers, sessions, aead }: Reported): Refusals {
  const counted = {
    peers: peers.refusals,
    receiveContexts: sessions.refusedContexts,
    expandedKeys: aead.refusedKeys,
  };
  return Object.fromEntries(Object.entries(counted).filter(([, count]) => count > 0));
}
