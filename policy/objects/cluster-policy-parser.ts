/**
 * Parser of ClusterNetworkPolicy objects, versions v1alpha2 and v1beta1. A rule of which a part cannot be read fails closed, as the
 * API asks for: an Accept rule matches nothing, a Deny or Pass rule denies everything. Peers that select nodes or domain names, of
 * the API's experimental channel, count as parts that cannot be read.
 */
import { Type } from 'typebox';
import type { Static } from 'typebox';
import { Compile } from 'typebox/compile';
import { DecodeError } from '../../common/errors.js';
import { MAX_PORT } from '../../common/address/socket-address.js';
import { EVERY_POD } from './cluster-policy.js';
import type { ClusterPolicy, RuleAction, TierRule } from './cluster-policy.js';
import type { Direction, PodPeers, PolicyPeer, PolicyPort } from './network-policy.js';
import { PROTOCOLS } from './pod.js';
import { readCidr, readSelector } from './readable-parts.js';
import type { Report } from './readable-parts.js';

const SpecSchema = Type.Object({
  tier: Type.Enum(['Admin', 'Baseline']),
  priority: Type.Integer({ minimum: 0, maximum: 1000 }),
  subject: Type.Unknown(),
  ingress: Type.Optional(Type.Array(Type.Unknown())),
  egress: Type.Optional(Type.Array(Type.Unknown())),
});
const PolicyObject = Compile(Type.Object({ metadata: Type.Object({ name: Type.String() }), spec: SpecSchema }));
const RuleObject = Compile(
  Type.Object({
    name: Type.Optional(Type.String()),
    action: Type.Enum(['Accept', 'Deny', 'Pass']),
    from: Type.Optional(Type.Array(Type.Unknown(), { minItems: 1 })),
    to: Type.Optional(Type.Array(Type.Unknown(), { minItems: 1 })),
    protocols: Type.Optional(Type.Array(Type.Unknown(), { minItems: 1 })),
  }),
);
const PeerObject = Compile(
  Type.Object(
    {
      namespaces: Type.Optional(Type.Unknown()),
      pods: Type.Optional(
        Type.Object({ namespaceSelector: Type.Optional(Type.Unknown()), podSelector: Type.Unknown() }),
      ),
      networks: Type.Optional(Type.Array(Type.String(), { minItems: 1 })),
    },
    { additionalProperties: false, minProperties: 1, maxProperties: 1 },
  ),
);
const port = Type.Integer({ minimum: 1, maximum: MAX_PORT });
const PortsSchema = Type.Object(
  {
    destinationPort: Type.Optional(
      Type.Object(
        { number: Type.Optional(port), range: Type.Optional(Type.Object({ start: port, end: port })) },
        { additionalProperties: false, minProperties: 1, maxProperties: 1 },
      ),
    ),
  },
  { additionalProperties: false },
);
const ProtocolObject = Compile(
  Type.Object(
    {
      tcp: Type.Optional(PortsSchema),
      udp: Type.Optional(PortsSchema),
      sctp: Type.Optional(PortsSchema),
      destinationNamedPort: Type.Optional(Type.String({ minLength: 1 })),
    },
    { additionalProperties: false, minProperties: 1, maxProperties: 1 },
  ),
);

/** Throws DecodeError for an object that is no policy at all. */
export function parseClusterPolicy(value: unknown): ClusterPolicy {
  if (!PolicyObject.Check(value)) {
    throw new DecodeError(
      'expected a ClusterNetworkPolicy with metadata.name, tier, priority, subject and lists of rules',
    );
  }
  const { metadata, spec } = value;
  const problems: string[] = [];
  const report: Report = (where, problem) => problems.push(`${where}: ${problem}`);
  const subject = readPods(spec.subject, 'spec.subject', report);
  const rules = (direction: Direction): TierRule[] =>
    (spec[direction] ?? [])
      .map((rule, i) => readRule(direction, rule, `spec.${direction}[${i}]`, report))
      .map((rule) => (subject === null ? failed(rule) : rule));
  return {
    name: metadata.name,
    tier: spec.tier,
    priority: spec.priority,
    subject: subject ?? EVERY_POD,
    ingress: rules('ingress'),
    egress: rules('egress'),
    written: { metadata: { name: metadata.name }, spec },
    problems,
  };
}

function failed({ action, name }: Pick<TierRule, 'action' | 'name'>): TierRule {
  if (action === 'Accept') return { action, name, peers: [], ports: null };
  return { action: 'Deny', name, peers: null, ports: null };
}

function readRule(direction: Direction, value: unknown, where: string, report: Report): TierRule {
  const side = direction === 'ingress' ? 'from' : 'to';
  if (!RuleObject.Check(value)) {
    report(where, `expected a rule with action, "${side}" and "protocols"`);
    return failed({ action: actionOf(value), name: '' });
  }
  const { action, name = '', protocols } = value;
  const written = value[side];
  if (written === undefined) report(where, `expected a list "${side}"`);
  const peers = (written ?? []).map((one, i) => readPeer(one, direction, `${where}.${side}[${i}]`, report));
  const ports = protocols?.map((one, i) => readProtocol(one, `${where}.protocols[${i}]`, report)) ?? null;
  const isReadable = written !== undefined && !peers.includes(null) && ports?.includes(null) !== true;
  if (!isReadable) return failed({ action, name });
  return { action, name, peers: peers.flatMap((one) => one ?? []), ports: ports?.flatMap((one) => one ?? []) ?? null };
}

/** Of a rule that cannot be read: what is known to be an Accept rule is left out. */
function actionOf(value: unknown): RuleAction {
  return (value as { action?: unknown } | null)?.action === 'Accept' ? 'Accept' : 'Deny';
}

function readPeer(value: unknown, direction: Direction, where: string, report: Report): PolicyPeer[] | null {
  const { networks } = PeerObject.Check(value) ? value : {};
  if (networks === undefined) {
    const pods = readPods(value, where, report);
    return pods && [pods];
  }
  if (direction === 'ingress') {
    report(where, 'networks are peers of egress rules alone');
    return null;
  }
  const blocks = networks.map((text, i) => readCidr(text, `${where}.networks[${i}]`, report));
  if (!blocks.every((cidr) => cidr !== null)) return null;
  return blocks.map((cidr) => ({ kind: 'block', block: { cidr, except: [] } }));
}

/** Of a subject, or of a peer. */
function readPods(value: unknown, where: string, report: Report): PodPeers | null {
  const { namespaces, pods } = PeerObject.Check(value) ? value : {};
  if (namespaces === undefined && pods === undefined) {
    const found = Object.keys(value ?? {}).join(', ');
    report(where, `expected namespaces or pods${found === '' ? '' : `, found ${found}`}`);
    return null;
  }
  const ofNamespaces = readSelector(namespaces ?? pods?.namespaceSelector ?? {}, `${where}.namespaces`, report);
  const ofPods = readSelector(pods?.podSelector ?? {}, `${where}.pods.podSelector`, report);
  return ofNamespaces && ofPods && { kind: 'pods', namespaces: ofNamespaces, pods: ofPods };
}

/** A name is that of a port of any protocol. */
function readProtocol(value: unknown, where: string, report: Report): PolicyPort[] | null {
  if (!ProtocolObject.Check(value)) {
    report(where, 'expected tcp, udp or sctp with a destinationPort, or destinationNamedPort');
    return null;
  }
  const { destinationNamedPort: name, tcp, udp, sctp } = value;
  const range = (tcp ?? udp ?? sctp)?.destinationPort?.range;
  if (range !== undefined && range.end < range.start) {
    report(where, `range ends at ${range.end} (expected ${range.start} or more)`);
    return null;
  }
  if (name !== undefined) return PROTOCOLS.map((protocol) => ({ protocol, port: { name } }));
  const byProtocol = { TCP: tcp, UDP: udp, SCTP: sctp };
  return PROTOCOLS.flatMap((protocol): PolicyPort[] => {
    const ports = byProtocol[protocol];
    return ports === undefined ? [] : [{ protocol, port: rangeOf(ports) }];
  });
}

function rangeOf({ destinationPort }: Static<typeof PortsSchema>): PolicyPort['port'] {
  if (destinationPort === undefined) return null;
  const { number, range } = destinationPort;
  return number === undefined ? { first: range!.start, last: range!.end } : { first: number, last: number };
}
