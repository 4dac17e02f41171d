/**
 * Schemas and types of the agent's HTTP API (TypeBox, hence JSON Schema and OpenAPI). Of the agent, the CLI and the web UI
 * import this file only. Append-only: fields are added, never renamed or removed.
 * Units are in the names; times are ISO 8601 in UTC.
 */
import { Type } from 'typebox';
import type { Difference } from './document-difference.js';
import type { Static } from 'typebox';

export const LINK_STATES = ['connecting', 'up', 'stale', 'down', 'idle'] as const;
/**
 * connecting: handshake in progress. up: the peer answers. stale: answers are missing, routes are still in force. down: the
 * peer is taken for dead; its routes are withdrawn and handshakes are tried again. idle: there is no link, and nothing is known
 * against the peer: its routes are in force, and the first frame makes a link.
 */
export type LinkState = (typeof LINK_STATES)[number];

const LinkStateSchema = Type.Enum(LINK_STATES);

/** direct: datagrams go straight to the peer. relayed: through a third node, unread by it. none: there is no link. */
const PathSchema = Type.Union([Type.Literal('direct'), Type.Literal('none'), Type.Literal('relayed')]);

const nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) => Type.Union([schema, Type.Null()]);

export const PeerSchema = Type.Object({
  id: Type.String({ description: 'Node id: 32 hex digits, from the identity key' }),
  name: Type.String(),
  publicKey: Type.String({ description: 'Ed25519 identity key, base64' }),
  endpoint: nullable(Type.String({ description: 'UDP address the link uses, ip:port' })),
  path: PathSchema,
  state: LinkStateSchema,
  reason: Type.String({ description: 'Why the link is in this state, in words' }),
  cipher: nullable(Type.String()),
  rttMs: nullable(Type.Number()),
  mtuBytes: nullable(Type.Integer({ description: 'Largest IP packet known to fit the path' })),
  lossRatio: Type.Number({ description: 'Share of datagrams lost towards the peer, 0 to 1' }),
  rxBytes: Type.Number(),
  txBytes: Type.Number(),
  rxFrames: Type.Number(),
  txFrames: Type.Number(),
  podCidrs: Type.Array(Type.String()),
  since: nullable(Type.String({ description: 'When the link came into its state' })),
  lastHandshake: nullable(Type.String()),
  version: Type.String({ description: 'Heddle version the peer runs' }),
  secretIds: Type.Optional(
    nullable(Type.Array(Type.String(), { description: 'Cluster secrets it has, oldest first, as public identifiers' })),
  ),
  via: Type.Optional(nullable(Type.String({ description: 'Name of the node that relays; null unless relayed' }))),
  pathReason: Type.Optional(
    nullable(Type.String({ description: 'Why the path is relayed, in words; null unless it is' })),
  ),
});
export type Peer = Static<typeof PeerSchema>;

export const RouteSchema = Type.Object({
  cidr: Type.String(),
  node: Type.String({ description: 'Name of the owner' }),
  nodeId: Type.String(),
  via: Type.Union([Type.Literal('local'), Type.Literal('link'), Type.Literal('unreachable')]),
  conflict: nullable(Type.String({ description: 'Another node whose valid claim lost against this one, or null' })),
  conflictReason: Type.Optional(
    nullable(Type.String({ description: 'Why the owner won, or null without a conflict' })),
  ),
});
export type Route = Static<typeof RouteSchema>;

export const RevokedNodeSchema = Type.Object({
  id: Type.String(),
  name: Type.String({ description: 'The name that it had' }),
  by: Type.String({ description: 'Name of the node on which it was decided, or its id' }),
  at: Type.String(),
});
export type RevokedNode = Static<typeof RevokedNodeSchema>;

/** Families whose routes the interface has in its pod, for the default route and for the cluster CIDRs. */
const RoutingSchema = Type.Object({
  defaultFamilies: Type.Array(Type.Integer({ description: '4 or 6' })),
  clusterFamilies: Type.Array(Type.Integer({ description: '4 or 6' })),
  metric: nullable(Type.Integer()),
  beside: Type.Boolean({ description: 'The pod had other interfaces' }),
});

export const EndpointSchema = Type.Object({
  containerId: Type.String(),
  ifname: Type.String(),
  network: Type.Optional(Type.String({ description: 'Name of the CNI network' })),
  netns: Type.String(),
  hostInterface: Type.String(),
  mac: Type.String(),
  ips: Type.Array(Type.String()),
  routing: Type.Optional(RoutingSchema),
  podNamespace: nullable(Type.String()),
  podName: nullable(Type.String()),
  podUid: Type.Optional(Type.String()),
  since: Type.String(),
});
export type Endpoint = Static<typeof EndpointSchema>;

export const ConditionSchema = Type.Object({
  name: Type.String(),
  ok: Type.Boolean(),
  message: Type.String({ description: 'What is missing and what to do; mostly empty when ok' }),
  required: Type.Optional(Type.Boolean({ description: 'True: the node is not ready without it. False: a warning' })),
});
export type Condition = Static<typeof ConditionSchema>;

const VERDICTS = ['ok', 'warning', 'notReady'] as const;
/** ok: all conditions hold. warning: the node serves pods, and one that is not required fails. notReady: a required one fails. */
export type Verdict = (typeof VERDICTS)[number];

/** An address that this node tries to reach, or that tries to reach it: what came of it. */
const TargetSchema = Type.Object({
  address: Type.String({ description: 'ip:port' }),
  kind: Type.Enum(['seed', 'member', 'other'], {
    description: 'Configured seed; member without a link; other: its handshakes are refused here',
  }),
  node: nullable(Type.String({ description: 'Name of the node behind it, when known' })),
  state: Type.Enum([...LINK_STATES, 'refused']),
  attempts: nullable(Type.Integer({ description: 'Handshakes tried towards it, or refused from it' })),
  lastAnswer: nullable(Type.String({ description: 'When it last gave a good answer' })),
  cause: Type.String({ description: 'Why it has no link, or what is odd about its answer; empty when all is well' }),
});
export type Target = Static<typeof TargetSchema>;

const POLICY_STATES = ['kept', 'waiting', 'none', 'off'] as const;

export const StatusSchema = Type.Object({
  id: Type.String(),
  name: Type.String(),
  publicKey: Type.String(),
  version: Type.String(),
  ready: Type.Boolean(),
  conditions: Type.Array(ConditionSchema),
  startedAt: Type.String(),
  listen: Type.String({ description: 'UDP address of the underlay socket' }),
  underlayAddresses: Type.Array(Type.String()),
  podCidrs: Type.Array(Type.String()),
  clusterCidrs: Type.Array(Type.String()),
  podMtuBytes: Type.Integer(),
  cipher: Type.String(),
  router: Type.Object({
    connected: Type.Boolean(),
    instance: nullable(Type.String()),
    tap: nullable(Type.String()),
    engine: Type.Optional(nullable(Type.String({ description: 'AEAD engine that seals and opens' }))),
    sealNsPerKiB: Type.Optional(
      nullable(Type.Integer({ description: 'Time to seal 1024 bytes with AES-256-GCM, measured at the start' })),
    ),
  }),
  addresses: Type.Array(
    Type.Object({
      cidr: Type.String(),
      total: Type.Number({ description: 'Above 2^53 rounded to the nearest double' }),
      totalExact: Type.Optional(Type.String({ description: 'Decimal digits' })),
      used: Type.Number(),
      quarantined: Type.Number(),
      withdrawn: Type.Optional(
        Type.Boolean({
          description: 'No longer a pod CIDR of this node: pods keep their addresses, no new ones are allocated',
        }),
      ),
    }),
  ),
  clusterSecret: Type.Optional(
    Type.Object({
      file: Type.String(),
      ids: Type.Array(Type.String(), { description: 'Public identifiers, oldest first; two during a rotation' }),
    }),
  ),
  peers: Type.Object({
    total: Type.Integer(),
    up: Type.Integer(),
    idle: Type.Optional(
      Type.Integer({ description: 'Without a link, which no frame has needed yet; absent from older agents' }),
    ),
  }),
  relays: Type.Optional(
    Type.Object({
      pairs: Type.Integer({ description: 'Pairs of other nodes that this node relays between' }),
      peers: Type.Integer({ description: 'Peers that this node reaches through a relay' }),
    }),
  ),
  verdict: Type.Optional(Type.Enum(VERDICTS)),
  targets: Type.Optional(
    Type.Array(TargetSchema, { description: 'Seeds, members without a link, and addresses that were refused' }),
  ),
  revoked: Type.Optional(Type.Array(RevokedNodeSchema, { description: 'Nodes that an operator has revoked' })),
  networkPolicies: Type.Optional(
    Type.Enum(POLICY_STATES, {
      description:
        'kept; waiting: the API server has not told of them yet; off: by the setting; none: without Kubernetes',
    }),
  ),
  drops: Type.Record(Type.String(), Type.Number(), { description: 'Frames and datagrams dropped, by reason' }),
});
export type Status = Static<typeof StatusSchema>;

/** Node of the topology; `self` marks the node that answers. */
const TopologyNodeSchema = Type.Object({
  id: Type.String(),
  name: Type.String(),
  self: Type.Boolean(),
  state: Type.Enum(['self', ...LINK_STATES]),
  endpoint: nullable(Type.String()),
  podCidrs: Type.Array(Type.String()),
  pods: Type.Array(Type.Object({ name: Type.String(), ips: Type.Array(Type.String()) }), {
    description: 'For another node: as it last reported, and truncated for very many pods',
  }),
  podCount: nullable(Type.Integer({ description: 'Number of all pods, listed or not; null before the node reported' })),
  podsReportedAt: Type.Optional(
    nullable(Type.String({ description: 'When the node reported these pods; those of a dead node stay' })),
  ),
  version: Type.String(),
});
export type TopologyNode = Static<typeof TopologyNodeSchema>;

/** Link of the topology, seen from `a`. Rates are averages over the interval between the last two snapshots. */
const TopologyLinkSchema = Type.Object({
  a: Type.String(),
  b: Type.String(),
  state: LinkStateSchema,
  path: PathSchema,
  cipher: nullable(Type.String()),
  rttMs: nullable(Type.Number()),
  mtuBytes: nullable(Type.Integer()),
  lossRatio: Type.Number(),
  abBitsPerSecond: Type.Number({ description: 'From a to b' }),
  baBitsPerSecond: Type.Number({ description: 'From b to a' }),
});
export type TopologyLink = Static<typeof TopologyLinkSchema>;

export const TopologySchema = Type.Object({
  at: Type.String(),
  nodes: Type.Array(TopologyNodeSchema),
  links: Type.Array(TopologyLinkSchema),
  reports: Type.Optional(
    Type.Object(
      { received: Type.Integer(), expected: Type.Integer({ description: 'Linked peers' }) },
      { description: 'Nodes whose links are in `links` because they reported lately, at most 64' },
    ),
  ),
});
export type Topology = Static<typeof TopologySchema>;

const PROTOCOLS = ['TCP', 'UDP', 'SCTP'] as const;

/** Rule of a network policy in words; `index` is its place in `spec.ingress` or `spec.egress`. */
const PolicyRuleSchema = Type.Object({
  policy: Type.String({ description: 'namespace/name' }),
  index: Type.Integer(),
  peers: Type.String({ description: 'Whom it allows, in words' }),
  ports: Type.String({ description: 'Which ports of the destination it allows, in words' }),
  tier: Type.Optional(
    Type.Enum(['Admin', 'Baseline'], { description: 'Of a ClusterNetworkPolicy, which has a name alone' }),
  ),
  action: Type.Optional(Type.Enum(['Accept', 'Deny', 'Pass'], { description: 'Of its rule; others allow' })),
});
export type PolicyRuleWords = Static<typeof PolicyRuleSchema>;

/** One direction of a pod. */
const PodDirectionSchema = Type.Object({
  isolated: Type.Boolean({ description: 'False: everything is allowed. True: what the rules say, and nothing else' }),
  policies: Type.Array(Type.String(), {
    description: 'namespace/name of those that isolate the pod in this direction',
  }),
  rules: Type.Array(PolicyRuleSchema),
});
export type PodDirection = Static<typeof PodDirectionSchema>;

const FlowEndSchema = Type.Object({ pod: nullable(Type.String()), ip: Type.String() });

const DIRECTIONS = ['ingress', 'egress'] as const;
const DroppingPolicies = Type.Array(Type.String(), {
  description:
    'namespace/name of the policies that isolate the pod; or the name of a cluster-wide one; none: the API server has not told of the pod',
});

const DenyRule = nullable(
  Type.String({
    description: 'Deny rule of a cluster-wide policy, as spec.ingress[0] "name"; null: no rule allows it',
  }),
);

const DroppedTrafficSchema = Type.Object({
  last: Type.String({ description: 'When a packet of it was last seen, ISO 8601' }),
  seen: Type.Integer({ description: 'Packets seen: the kernel reports a limited number' }),
  direction: Type.Enum(DIRECTIONS),
  source: FlowEndSchema,
  destination: FlowEndSchema,
  protocol: Type.String({ description: 'TCP, UDP, SCTP, ICMP, ICMPv6, or "protocol 47"' }),
  port: nullable(Type.Integer()),
  policies: DroppingPolicies,
  rule: DenyRule,
  reason: Type.String({ description: 'In words' }),
});
export type DroppedTraffic = Static<typeof DroppedTrafficSchema>;

export const PodPoliciesSchema = Type.Object({
  pod: Type.String({ description: 'namespace/name' }),
  ips: Type.Array(Type.String()),
  known: Type.Boolean({ description: 'False: the API server has not told of the pod, and it is denied until it does' }),
  ingress: PodDirectionSchema,
  egress: PodDirectionSchema,
  problems: Type.Array(Type.String(), { description: 'Parts of its policies that cannot be read; they allow nothing' }),
  denied: Type.Array(DroppedTrafficSchema, {
    description: 'Traffic from or to the pod that this node dropped lately, the newest first',
  }),
});
export type PodPolicies = Static<typeof PodPoliciesSchema>;

/**
 * notIsolated: no policy isolates this side. rule: one allows it. itself: from a pod to itself. defaultDeny: no rule allows it.
 * denyRule: one denies it.
 */
const SIDE_VERDICTS = ['notIsolated', 'rule', 'itself', 'defaultDeny', 'denyRule'] as const;

const SideDecisionSchema = Type.Object({
  allowed: Type.Boolean(),
  verdict: Type.Enum(SIDE_VERDICTS),
  policies: Type.Array(Type.String(), { description: 'namespace/name of those that isolate this side' }),
  rule: nullable(PolicyRuleSchema),
});
export type PolicySideDecision = Static<typeof SideDecisionSchema>;

export const PolicyDecisionSchema = Type.Object({
  allowed: Type.Boolean({ description: 'Whether all flows are allowed' }),
  protocol: Type.Enum(PROTOCOLS),
  port: nullable(Type.Integer({ description: 'Null: a port that no rule names' })),
  flows: Type.Array(
    Type.Object({
      source: FlowEndSchema,
      destination: FlowEndSchema,
      allowed: Type.Boolean(),
      egress: SideDecisionSchema,
      ingress: SideDecisionSchema,
    }),
    { description: 'One for each address family that both ends have' },
  ),
});
export type PolicyDecision = Static<typeof PolicyDecisionSchema>;

export const PolicyDropsSchema = Type.Object({
  logged: Type.Boolean({ description: 'Whether the kernel reports what it drops; without that there is no traffic' }),
  totals: Type.Array(
    Type.Object({
      direction: Type.Enum(DIRECTIONS),
      policies: DroppingPolicies,
      rule: DenyRule,
      packets: Type.Integer(),
    }),
    {
      description: 'Packets since the start of the agent, of the first 100 combinations of policies that dropped some',
    },
  ),
  traffic: Type.Array(DroppedTrafficSchema, { description: 'Of pods of this node, the newest first, at most 256' }),
});
export type PolicyDrops = Static<typeof PolicyDropsSchema>;

export const ProblemSchema = Type.Object({
  code: Type.String({ description: 'Stable code, see common/errors.ts' }),
  message: Type.String(),
});
export type Problem = Static<typeof ProblemSchema>;

/** Server-sent events on `/v1/events`: `event:` is the key, `data:` the JSON of the value's type. */
export interface ServerEvents {
  topology: Topology;
  status: Status;
  /** The two in place of `topology` with `?form=differences`: first the whole, then what changes it to the next revision. */
  topologySnapshot: { readonly revision: number; readonly topology: Topology };
  topologyDifference: { readonly revision: number; readonly difference: Difference };
}

/** Defaults of the settings `apiSocket`, `apiPort` and `metricsPort`. */
export const DEFAULT_API_SOCKET = '/run/heddle/api.sock';
export const DEFAULT_API_PORT = 6786;
export const DEFAULT_METRICS_PORT = 6787;
