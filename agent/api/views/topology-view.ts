/** Topology of the cluster as this node knows it: its own links, and those of other nodes as they report them. */
import type { Endpoint, Topology, TopologyLink, TopologyNode } from '../../../common/api.js';
import type { NodeId } from '../../../common/node-id.js';
import { formatSocketAddress } from '../../../common/address/socket-address.js';
import type { MemberView, RemoteLinkView, RemotePodsView, TopologyReports } from '../../../mesh/index.js';
import { lossOf, pathOf } from './peer-view.js';
import { podNameOf } from '../../pod-name.js';
import { RateMeter } from './rate-meter.js';
import type { ReportedCounters } from './reported-counters.js';

export interface TopologyInput {
  readonly at: Date;
  readonly nowMs: number;
  readonly self: Omit<TopologyNode, 'self' | 'state' | 'pods' | 'podCount' | 'podsReportedAt'> & {
    readonly id: NodeId;
  };
  readonly endpoints: readonly Endpoint[];
  readonly members: readonly MemberView[];
  readonly counters: ReportedCounters;
  readonly remoteLinks: readonly RemoteLinkView[];
  readonly remotePods: readonly RemotePodsView[];
  readonly reports: TopologyReports;
}

export class TopologyView {
  readonly #remoteRates = new RateMeter();

  draw(input: TopologyInput): Topology {
    const { members, self, at } = input;
    const known = new Set<NodeId>([self.id, ...members.map(({ id }) => id)]);
    const remote = freshestReports(input.remoteLinks).filter(
      ({ a, b }) => a !== self.id && b !== self.id && known.has(a) && known.has(b),
    );
    this.#remoteRates.keepOnly(new Set(remote.map(linkKey)));
    const pods = new Map(input.remotePods.map((report) => [report.node, report]));
    return {
      at: at.toISOString(),
      nodes: [selfNode(input), ...members.map((member) => memberNode(member, pods.get(member.id), at))],
      links: [
        ...members.filter(({ state }) => state !== 'idle').map((member) => this.#ownLink(member, input)),
        ...remote.map((link) => this.#remoteLink(link, input.nowMs)),
      ],
      reports: { received: input.reports.received, expected: input.reports.expected },
    };
  }

  #ownLink(member: MemberView, { self, counters, nowMs }: TopologyInput): TopologyLink {
    const [abBitsPerSecond = 0, baBitsPerSecond = 0] = counters.rates(member.id, nowMs);
    return {
      a: self.id,
      b: member.id,
      state: member.state,
      path: pathOf(member.state, member.relay !== null),
      cipher: member.cipher,
      rttMs: member.rttMs,
      mtuBytes: member.mtuBytes,
      lossRatio: lossOf(member.state, counters.byPeer.get(member.id)),
      abBitsPerSecond,
      baBitsPerSecond,
    };
  }

  /** The loss of a link between others is not reported. */
  #remoteLink(link: RemoteLinkView, nowMs: number): TopologyLink {
    this.#remoteRates.record(linkKey(link), nowMs - link.ageMs, [link.abBytes, link.baBytes]);
    const [abBitsPerSecond = 0, baBitsPerSecond = 0] = this.#remoteRates.rates(linkKey(link), nowMs, 2);
    const { a, b, state, cipher, isRelayed, rttMs, mtuBytes } = link;
    return {
      a,
      b,
      state,
      path: pathOf(state, isRelayed),
      cipher,
      rttMs,
      mtuBytes,
      lossRatio: 0,
      abBitsPerSecond,
      baBitsPerSecond,
    };
  }
}

/** Both ends of a link report it: the newer report stands for it. */
function freshestReports(links: readonly RemoteLinkView[]): RemoteLinkView[] {
  const byPair = new Map<string, RemoteLinkView>();
  for (const link of links) {
    const pair = [link.a, link.b].sort().join(' ');
    const known = byPair.get(pair);
    if (known === undefined || link.ageMs < known.ageMs) byPair.set(pair, link);
  }
  return [...byPair.values()];
}

function linkKey({ a, b }: RemoteLinkView): string {
  return `${a} ${b}`;
}

function selfNode({ self, endpoints, at }: TopologyInput): TopologyNode {
  const pods = endpoints.map((endpoint) => ({ name: podNameOf(endpoint), ips: [...endpoint.ips] }));
  return { ...self, self: true, state: 'self', pods, podCount: pods.length, podsReportedAt: at.toISOString() };
}

function memberNode(member: MemberView, report: RemotePodsView | undefined, at: Date): TopologyNode {
  return {
    id: member.id,
    name: member.name,
    self: false,
    state: member.state,
    endpoint: member.endpoint === null ? null : formatSocketAddress(member.endpoint),
    podCidrs: [...member.podCidrs],
    pods: report?.pods.map(({ name, ips }) => ({ name, ips: [...ips] })) ?? [],
    podCount: report?.podCount ?? null,
    podsReportedAt: report === undefined ? null : new Date(at.getTime() - report.ageMs).toISOString(),
    version: member.version,
  };
}
