/**
 * Rules of the table for one policy, in one direction and family, with the sets that they look into. Sets are named by a hash of
 * what they are made of, so policies that say the same share them.
 */
import { createHash } from 'node:crypto';
import { ipFromBigInt } from '../../common/address/ip-address.js';
import type { IpFamily } from '../../common/address/ip-address.js';
import type { ClusterPolicy } from '../objects/cluster-policy.js';
import { joinRanges, rangesOf } from '../objects/ip-block.js';
import type { IpBlock } from '../objects/ip-block.js';
import type {
  Direction,
  NetworkPolicy,
  PodPeers,
  PolicyPeer,
  PolicyPort,
  PolicyRule,
} from '../objects/network-policy.js';
import type { Protocol } from '../objects/pod.js';
import { ADDRESS_TYPE, PORT_TYPE } from './table-model.js';
import type { DropCounter, ElementType, TablePorts, TableRule } from './table-model.js';

/** Pods whose addresses are in a set: any of these peers, seen from a namespace. */
export interface PeerPods {
  readonly kind: 'peers';
  readonly namespace: string;
  readonly peers: readonly PodPeers[];
}

/** Pods that have a port of this name, with its number. */
export interface NamedPortPods {
  readonly kind: 'namedPort';
  readonly protocol: Protocol;
  readonly name: string;
}

export interface FixedElements {
  readonly kind: 'fixed';
  readonly isInterval: boolean;
  readonly elements: ReadonlySet<string>;
}

export interface SetSource {
  readonly name: string;
  /** Of the pods that it selects, which both families share. */
  readonly key: string;
  readonly family: IpFamily;
  readonly type: ElementType;
  readonly content: PeerPods | NamedPortPods | FixedElements;
}

export interface PolicyRules {
  readonly rules: readonly TableRule[];
  readonly sets: readonly SetSource[];
  /** Of its Deny rules. */
  readonly counters: ReadonlyMap<string, DropCounter>;
}

const HASH_DIGITS = 16;

/** Name of an object of the table from what it is made of. */
export function hashedName(prefix: string, content: unknown): string {
  return `${prefix}-${createHash('sha256').update(JSON.stringify(content)).digest('hex').slice(0, HASH_DIGITS)}`;
}

export function rulesOfPolicy(policy: NetworkPolicy, direction: Direction, family: IpFamily): PolicyRules {
  const parts = (policy[direction] ?? []).map((rule) => rulesOf(rule, ACCEPT, policy.namespace, family));
  return joined(parts, new Map());
}

/** Each Deny rule has a counter of its own. */
export function rulesOfClusterPolicy(policy: ClusterPolicy, direction: Direction, family: IpFamily): PolicyRules {
  const counters = new Map<string, DropCounter>();
  const parts = policy[direction].map((rule, i) => {
    if (rule.action !== 'Deny') return rulesOf(rule, { verdict: rule.action, counter: null }, '', family);
    const place = `spec.${direction}[${i}]${rule.name === '' ? '' : ` "${rule.name}"`}`;
    const counter = hashedName(`${direction}-drops`, [policy.name, place]);
    counters.set(counter, { direction, policies: [policy.name], rule: place });
    return rulesOf(rule, { verdict: 'Deny', counter }, '', family);
  });
  return joined(parts, counters);
}

type Outcome = Pick<TableRule, 'verdict' | 'counter'>;
type RuleParts = Omit<PolicyRules, 'counters'>;
const ACCEPT: Outcome = { verdict: 'Accept', counter: null };

function joined(parts: readonly RuleParts[], counters: PolicyRules['counters']): PolicyRules {
  return { rules: parts.flatMap(({ rules }) => rules), sets: parts.flatMap(({ sets }) => sets), counters };
}

/** One rule of the table for each set of peers and each set of ports. */
function rulesOf(rule: PolicyRule, outcome: Outcome, namespace: string, family: IpFamily): RuleParts {
  const peers = rule.peers === null ? [null] : peerSets(rule.peers, namespace, family);
  const ports = rule.ports === null ? [null] : portMatches(rule.ports, family);
  const rules = peers.flatMap((set) =>
    ports.map((port) => ({ ...outcome, peers: set?.name ?? null, ports: port?.ports ?? null })),
  );
  const sets = [...peers, ...ports.map((port) => port?.set ?? null)].filter((set) => set !== null);
  return { rules, sets: rules.length === 0 ? [] : sets };
}

/** At most one set of pods and one of blocks. */
function peerSets(peers: readonly PolicyPeer[], namespace: string, family: IpFamily): SetSource[] {
  const pods = peers.filter((peer) => peer.kind === 'pods');
  const blocks = peers.flatMap((peer) => (peer.kind === 'block' ? [peer.block] : []));
  const sets: SetSource[] = [];
  if (pods.length > 0) sets.push(podSet({ kind: 'peers', namespace: scopeOf(pods, namespace), peers: pods }, family));
  const elements = blockElements(blocks, family);
  if (elements.size > 0) sets.push(fixedSet(`b${family}`, [ADDRESS_TYPE[family]], family, elements));
  return sets;
}

/** Peers that select namespaces are the same for policies of all namespaces. */
function scopeOf(peers: readonly PodPeers[], namespace: string): string {
  return peers.some(({ namespaces }) => namespaces === null) ? namespace : '';
}

function blockElements(blocks: readonly IpBlock[], family: IpFamily): ReadonlySet<string> {
  const ranges = rangesOf(blocks, family);
  return new Set(ranges.map(({ first, last }) => rangeText(ipFromBigInt(first, family), ipFromBigInt(last, family))));
}

interface PortMatch {
  readonly ports: TablePorts;
  readonly set: SetSource | null;
}

/** Numbers of one protocol are one set, each name is one; all ports of a protocol need none of its others. */
function portMatches(ports: readonly PolicyPort[], family: IpFamily): PortMatch[] {
  const protocols = [...new Set(ports.map(({ protocol }) => protocol))];
  return protocols.flatMap((protocol): PortMatch[] => {
    const written = ports.filter((one) => one.protocol === protocol).map(({ port }) => port);
    if (written.includes(null)) return [{ ports: { protocol, set: null, isNamed: false }, set: null }];
    const numbers = portElements(written.filter((port) => port !== null && 'first' in port));
    const names = new Set(written.flatMap((port) => (port !== null && 'name' in port ? [port.name] : [])));
    const sets = [...names].map((name) => podSet({ kind: 'namedPort', protocol, name }, family));
    if (numbers.size > 0) sets.unshift(fixedSet('ports', [PORT_TYPE], family, numbers));
    return sets.map((set) => ({ ports: { protocol, set: set.name, isNamed: set.content.kind !== 'fixed' }, set }));
  });
}

function portElements(ranges: readonly { readonly first: number; readonly last: number }[]): ReadonlySet<string> {
  const joined = joinRanges(ranges.map(({ first, last }) => ({ first: BigInt(first), last: BigInt(last) })));
  return new Set(joined.map(({ first, last }) => rangeText(String(first), String(last))));
}

function podSet(content: PeerPods | NamedPortPods, family: IpFamily): SetSource {
  const isNamed = content.kind === 'namedPort';
  const key = hashedName(isNamed ? 'n' : 'p', content);
  const type = isNamed ? [ADDRESS_TYPE[family], PORT_TYPE] : [ADDRESS_TYPE[family]];
  return { name: `${key}-${family}`, key, family, type, content };
}

function fixedSet(prefix: string, type: ElementType, family: IpFamily, elements: ReadonlySet<string>): SetSource {
  const name = hashedName(prefix, [...elements]);
  return { name, key: name, family, type, content: { kind: 'fixed', isInterval: true, elements } };
}

function rangeText(first: string, last: string): string {
  return first === last ? first : `${first}-${last}`;
}
