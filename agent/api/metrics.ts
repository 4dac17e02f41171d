/**
 * Prometheus metrics, filled from one look at the source per scrape; nothing is counted here. Names are append-only and
 * documented by their help texts. The only importer of `prom-client`. Not here: the data path's counters (`router/`).
 */
import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';
import { LINK_STATES } from '../../common/api.js';
import type { Peer, Status } from '../../common/api.js';
import type { ApiSource } from './api-source.js';

/** Peers with series of their own; the rest, last by id, are only counted in `heddle_peers` and `heddle_peers_unlisted`. */
export const MAX_PEER_SERIES = 512;
/** Reasons and further counters beyond this are left out: both are names of ours, so more of them means a bug. */
const MAX_NAMES = 256;
const MAX_LABEL_POLICIES = 3;
/** Each look at the event loop's delay wakes the process: ten a second are less than 0.1 % of a core. */
const LOOP_DELAY_PRECISION_MS = 100;
const COUNTER_NAME = /^[a-z][a-z0-9_]{0,80}$/;
const ROUTE_KINDS = ['local', 'link', 'unreachable'] as const;

export interface Metrics {
  readonly contentType: string;
  /** The exposition text of this moment. */
  render(): Promise<string>;
}

type Labels = Readonly<Record<string, string>>;

/** A metric family whose series are set anew at every scrape. */
interface Family {
  clear(): void;
  set(value: number, labels?: Labels): void;
}

interface PeerFamily {
  readonly family: Family;
  /** The value of one peer, or null when it has none yet. */
  readonly value: (peer: Peer) => number | null;
}

/** @param eventClients how many clients listen to live events */
export function createMetrics(source: ApiSource, eventClients: () => number): Metrics {
  const registry = new Registry();
  let scraped = false;
  const fillers = [nodeMetrics(registry), routeMetrics(registry), peerMetrics(registry), agentCounters(registry)];
  const clients = gauge(registry, 'heddle_api_event_clients', 'Clients listening to live events');
  return {
    contentType: registry.contentType,
    render() {
      if (!scraped) collectProcessMetrics(registry);
      scraped = true;
      for (const fill of fillers) fill(source);
      clients.set(eventClients());
      return registry.metrics();
    },
  };
}

/** Of the process itself. From the first scrape on: they watch the event loop and the collector all the time. */
function collectProcessMetrics(registry: Registry): void {
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: LOOP_DELAY_PRECISION_MS });
}

type Filler = (source: ApiSource) => void;

function nodeMetrics(registry: Registry): Filler {
  const build = gauge(registry, 'heddle_build_info', 'Always 1; the version is in the label', ['version', 'cipher']);
  const ready = gauge(registry, 'heddle_ready', '1 when the node can serve pods');
  const condition = gauge(registry, 'heddle_condition', '1 when the condition of readiness is met', ['condition']);
  const router = gauge(registry, 'heddle_router_connected', '1 while the agent has a forwarding process');
  const relayedPairs = gauge(registry, 'heddle_relayed_pairs', 'Pairs of other nodes that this node relays between');
  const relayedPeers = gauge(registry, 'heddle_relayed_peers', 'Peers that this node reaches through a relay');
  const endpoints = gauge(registry, 'heddle_endpoints', 'Pod interfaces on this node');
  const ipam = gauge(registry, 'heddle_ipam_addresses', 'Pod addresses of this node by state', ['cidr', 'state']);
  const elements = gauge(registry, 'heddle_policy_elements', 'Elements in the table of network policies');
  const denied = counter(
    registry,
    'heddle_policy_dropped_packets_total',
    'Packets that network policies dropped, by the policies that isolate the pod; of the first 100 combinations',
    ['direction', 'policies'],
  );
  const drops = counter(registry, 'heddle_drops_total', 'Frames and datagrams dropped, by reason', ['reason']);
  return (source) => {
    const status = source.status();
    for (const family of [build, condition, ipam, drops, denied]) family.clear();
    build.set(1, { version: status.version, cipher: status.cipher });
    ready.set(Number(status.ready));
    for (const each of status.conditions) condition.set(Number(each.ok), { condition: each.name });
    router.set(Number(status.router.connected));
    relayedPairs.set(status.relays?.pairs ?? 0);
    relayedPeers.set(status.relays?.peers ?? 0);
    endpoints.set(source.endpoints().length);
    elements.set(source.policies()?.elements ?? 0);
    for (const { packets, direction, policies } of source.policies()?.drops().totals ?? [])
      denied.set(packets, { direction, policies: namesInLabel(policies) });
    for (const pool of status.addresses) setPool(ipam, pool);
    for (const [reason, count] of Object.entries(status.drops).slice(0, MAX_NAMES)) drops.set(count, { reason });
  };
}

/** At most three of them: a label is no place for a list of any length. */
function namesInLabel(policies: readonly string[]): string {
  if (policies.length === 0) return 'pod not known';
  const more = policies.length - MAX_LABEL_POLICIES;
  return [...policies.slice(0, MAX_LABEL_POLICIES), ...(more > 0 ? [`${more} more`] : [])].join();
}

function setPool(family: Family, pool: Status['addresses'][number]): void {
  const states = { used: pool.used, quarantined: pool.quarantined, free: pool.total - pool.used - pool.quarantined };
  for (const [state, count] of Object.entries(states)) family.set(count, { cidr: pool.cidr, state });
}

function routeMetrics(registry: Registry): Filler {
  const routes = gauge(registry, 'heddle_routes', 'Pod CIDRs known, by how frames get there', ['via']);
  const conflicts = gauge(registry, 'heddle_route_conflicts', 'Pod CIDRs that more than one node claims');
  return (source) => {
    const all = source.routes();
    for (const via of ROUTE_KINDS) routes.set(all.filter((route) => route.via === via).length, { via });
    conflicts.set(all.filter((route) => route.conflict !== null).length);
  };
}

function peerMetrics(registry: Registry): Filler {
  const states = gauge(registry, 'heddle_peers', 'Other nodes by state of the link to them', ['state']);
  const unlisted = gauge(
    registry,
    'heddle_peers_unlisted',
    `Other nodes beyond the ${MAX_PEER_SERIES} that have series`,
  );
  const families = peerFamilies(registry);
  return (source) => {
    const peers = source.peers();
    for (const state of LINK_STATES) states.set(peers.filter((peer) => peer.state === state).length, { state });
    unlisted.set(Math.max(0, peers.length - MAX_PEER_SERIES));
    const listed = [...peers].sort((a, b) => (a.id < b.id ? -1 : 1)).slice(0, MAX_PEER_SERIES);
    for (const { family, value } of families) setPeers(family, value, listed);
  };
}

function setPeers(family: Family, valueOf: PeerFamily['value'], peers: readonly Peer[]): void {
  family.clear();
  for (const peer of peers) {
    const value = valueOf(peer);
    if (value !== null) family.set(value, { peer: peer.name, id: peer.id });
  }
}

function peerFamilies(registry: Registry): readonly PeerFamily[] {
  const labels = ['peer', 'id'] as const;
  const level = (name: string, help: string, value: PeerFamily['value']): PeerFamily => ({
    family: gauge(registry, `heddle_peer_${name}`, help, labels),
    value,
  });
  const total = (name: string, help: string, value: PeerFamily['value']): PeerFamily => ({
    family: counter(registry, `heddle_peer_${name}_total`, help, labels),
    value,
  });
  return [
    level('up', '1 while the link is up', (peer) => Number(peer.state === 'up')),
    level('rtt_seconds', 'Round-trip time of the link', (peer) => (peer.rttMs === null ? null : peer.rttMs / 1_000)),
    level('mtu_bytes', 'Largest IP packet known to fit the path', (peer) => peer.mtuBytes),
    level('loss_ratio', 'Share of datagrams lost towards the peer, 0 to 1', (peer) => peer.lossRatio),
    total('transmit_bytes', 'Bytes of frames sent to the peer', (peer) => peer.txBytes),
    total('receive_bytes', 'Bytes of frames received from the peer', (peer) => peer.rxBytes),
    total('transmit_frames', 'Frames sent to the peer', (peer) => peer.txFrames),
    total('receive_frames', 'Frames received from the peer', (peer) => peer.rxFrames),
  ];
}

/** The source's own counters: a family appears when its name is first seen; at most {@link MAX_NAMES} of them. */
function agentCounters(registry: Registry): Filler {
  const families = new Map<string, Family>();
  return (source) => {
    for (const [name, value] of Object.entries(source.counters())) {
      const family = families.get(name) ?? newFamily(registry, families, name);
      family?.clear();
      family?.set(value);
    }
  };
}

function newFamily(registry: Registry, families: Map<string, Family>, name: string): Family | undefined {
  if (families.size >= MAX_NAMES || !COUNTER_NAME.test(name)) return undefined;
  const family = counter(registry, `heddle_${name}_total`, `${name.replaceAll('_', ' ')}, since the agent started`);
  families.set(name, family);
  return family;
}

function gauge(registry: Registry, name: string, help: string, labelNames: readonly string[] = []): Family {
  const metric = new Gauge({ name, help, labelNames: [...labelNames], registers: [registry] });
  return { clear: () => metric.reset(), set: (value, labels = {}) => metric.set(labels, value) };
}

/** A counter kept elsewhere: cleared and raised to its value at every scrape. Negative or broken values count as 0. */
function counter(registry: Registry, name: string, help: string, labelNames: readonly string[] = []): Family {
  const metric = new Counter({ name, help, labelNames: [...labelNames], registers: [registry] });
  return { clear: () => metric.reset(), set: (value, labels = {}) => metric.inc(labels, value > 0 ? value : 0) };
}
