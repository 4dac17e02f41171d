/**
 * Parser of NetworkPolicy objects. A part that cannot be read allows nothing, while the policy isolates its pods all the same: a
 * policy that is refused as a whole would leave them open. A pod selector that cannot be read selects all pods of the namespace.
 */
import { Type } from 'typebox';
import type { Static } from 'typebox';
import { Compile } from 'typebox/compile';
import { DecodeError } from '../../common/errors.js';
import { MAX_PORT } from '../../common/address/socket-address.js';
import { LabelSelectorSchema } from './label-selector.js';
import type { LabelSelector } from './label-selector.js';
import type { Direction, NetworkPolicy, PolicyPeer, PolicyPort, PolicyRule } from './network-policy.js';
import { isProtocol, PROTOCOLS } from './pod.js';
import type { Protocol } from './pod.js';
import { readCidr, readSelector } from './readable-parts.js';
import type { Report } from './readable-parts.js';

const EVERY_POD: LabelSelector = { requirements: [] };

const SpecSchema = Type.Object({
  podSelector: Type.Optional(Type.Unknown()),
  policyTypes: Type.Optional(Type.Array(Type.String())),
  ingress: Type.Optional(Type.Array(Type.Unknown())),
  egress: Type.Optional(Type.Array(Type.Unknown())),
});
type PolicySpec = Static<typeof SpecSchema>;
const PolicyObject = Compile(
  Type.Object({
    metadata: Type.Object({ namespace: Type.String(), name: Type.String() }),
    spec: Type.Optional(SpecSchema),
  }),
);

const RuleObjects = {
  ingress: Compile(
    Type.Object({
      from: Type.Optional(Type.Array(Type.Unknown())),
      ports: Type.Optional(Type.Array(Type.Unknown())),
    }),
  ),
  egress: Compile(
    Type.Object({
      to: Type.Optional(Type.Array(Type.Unknown())),
      ports: Type.Optional(Type.Array(Type.Unknown())),
    }),
  ),
};
const PeerObject = Compile(
  Type.Object({
    podSelector: Type.Optional(LabelSelectorSchema),
    namespaceSelector: Type.Optional(LabelSelectorSchema),
    ipBlock: Type.Optional(Type.Object({ cidr: Type.String(), except: Type.Optional(Type.Array(Type.String())) })),
  }),
);
const PortObject = Compile(
  Type.Object({
    protocol: Type.Optional(Type.String()),
    port: Type.Optional(Type.Union([Type.Integer(), Type.String()])),
    endPort: Type.Optional(Type.Integer()),
  }),
);

/** Throws DecodeError for an object that is no policy at all. */
export function parseNetworkPolicy(value: unknown): NetworkPolicy {
  if (!PolicyObject.Check(value)) {
    throw new DecodeError('expected a NetworkPolicy with metadata.namespace, metadata.name and lists of rules');
  }
  const { metadata, spec = {} } = value;
  const problems: string[] = [];
  const report: Report = (where, problem) => problems.push(`${where}: ${problem}`);
  const types = policyTypes(spec, report);
  const rules = (direction: Direction) =>
    (spec[direction] ?? []).map((rule, i) => readRule(direction, rule, `spec.${direction}[${i}]`, report));
  return {
    namespace: metadata.namespace,
    name: metadata.name,
    pods: readSelector(spec.podSelector ?? {}, 'spec.podSelector', report) ?? EVERY_POD,
    ingress: types.includes('Ingress') ? rules('ingress') : null,
    egress: types.includes('Egress') ? rules('egress') : null,
    written: { metadata: { namespace: metadata.namespace, name: metadata.name }, spec },
    problems,
  };
}

/** Without types a policy is for ingress, and for egress when it has rules for it. */
function policyTypes({ policyTypes: written, egress = [] }: PolicySpec, report: Report): readonly string[] {
  if (written === undefined || written.length === 0) return egress.length > 0 ? ['Ingress', 'Egress'] : ['Ingress'];
  const unknown = written.filter((type) => type !== 'Ingress' && type !== 'Egress');
  for (const type of unknown) report('spec.policyTypes', `unknown type "${type}" (expected Ingress or Egress)`);
  return unknown.length > 0 ? ['Ingress', 'Egress'] : written;
}

function readRule(direction: Direction, value: unknown, where: string, report: Report): PolicyRule {
  const side = direction === 'ingress' ? 'from' : 'to';
  const nothing: PolicyRule = { peers: [], ports: [] };
  if (!RuleObjects[direction].Check(value)) {
    report(where, `expected a rule with lists "${side}" and "ports"`);
    return nothing;
  }
  const { [side]: peers = [], ports = [] } = value as Partial<Record<'from' | 'to' | 'ports', unknown[]>>;
  return {
    peers: peers.length === 0 ? null : peers.flatMap((peer, i) => readPeer(peer, `${where}.${side}[${i}]`, report)),
    ports: ports.length === 0 ? null : ports.flatMap((port, i) => readPort(port, `${where}.ports[${i}]`, report)),
  };
}

function readPeer(value: unknown, where: string, report: Report): PolicyPeer[] {
  if (!PeerObject.Check(value)) {
    report(where, 'expected podSelector, namespaceSelector or ipBlock');
    return [];
  }
  const { podSelector, namespaceSelector, ipBlock } = value;
  const selects = podSelector !== undefined || namespaceSelector !== undefined;
  if (selects === (ipBlock !== undefined)) {
    report(where, selects ? 'ipBlock stands beside a selector (expected one of both)' : 'the peer is empty');
    return [];
  }
  if (ipBlock !== undefined) return readBlock(ipBlock, `${where}.ipBlock`, report);
  const pods = readSelector(podSelector ?? {}, `${where}.podSelector`, report);
  const namespaces =
    namespaceSelector === undefined ? undefined : readSelector(namespaceSelector, `${where}.namespaceSelector`, report);
  if (pods === null || namespaces === null) return [];
  return [{ kind: 'pods', namespaces: namespaces ?? null, pods }];
}

/** An exception that cannot be read makes the whole block nothing: it would allow what was to be left out. */
function readBlock(written: { cidr: string; except?: string[] }, where: string, report: Report): PolicyPeer[] {
  const cidr = readCidr(written.cidr, `${where}.cidr`, report);
  const except = (written.except ?? []).map((text, i) => readCidr(text, `${where}.except[${i}]`, report));
  if (cidr === null || !except.every((one) => one !== null)) return [];
  return [{ kind: 'block', block: { cidr, except } }];
}

function readPort(value: unknown, where: string, report: Report): PolicyPort[] {
  if (!PortObject.Check(value)) {
    report(where, 'expected protocol, port and endPort');
    return [];
  }
  const { protocol = 'TCP', port, endPort } = value;
  const problem = portProblem(protocol, port, endPort);
  if (problem !== null) {
    report(where, problem);
    return [];
  }
  if (port === undefined) return [{ protocol: protocol as Protocol, port: null }];
  const ports = typeof port === 'string' ? { name: port } : { first: port, last: endPort ?? port };
  return [{ protocol: protocol as Protocol, port: ports }];
}

function portProblem(protocol: string, port: number | string | undefined, endPort: number | undefined): string | null {
  if (!isProtocol(protocol)) return `unknown protocol "${protocol}" (expected ${PROTOCOLS.join(', ')})`;
  if (typeof port === 'number' && (port < 1 || port > MAX_PORT)) return `port is ${port} (expected 1 to ${MAX_PORT})`;
  if (endPort === undefined) return null;
  if (typeof port !== 'number') return 'endPort needs a port that is a number';
  return endPort < port || endPort > MAX_PORT ? `endPort is ${endPort} (expected ${port} to ${MAX_PORT})` : null;
}
