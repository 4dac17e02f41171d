/**
 * Answers about network policies, from the objects that are enforced: what selects a pod, what it may do, and the decision about
 * traffic between two ends. An end is an address, `namespace/name` of a pod, or its name alone where one namespace has it.
 */
import type {
  DroppedTraffic,
  PodDirection,
  PodPolicies,
  PolicyDecision,
  PolicyDrops,
  PolicyRuleWords,
  PolicySideDecision,
} from '../../common/api.js';
import { ipFamily, parseIpAddress } from '../../common/address/ip-address.js';
import type { IpAddress } from '../../common/address/ip-address.js';
import { MAX_PORT } from '../../common/address/socket-address.js';
import { AddressError, RequestError } from '../../common/errors.js';
import { decide, isProtocol, peersInWords, podKey, portsInWords, PROTOCOLS } from '../../policy/index.js';
import type {
  ClusterPolicy,
  Direction,
  Flow,
  LocalPod,
  NetworkPolicy,
  Pod,
  PolicyCompiler,
  SideDecision,
} from '../../policy/index.js';

const ANY_PORT = 'any';
/** Rules with ports name 1 to 65535, so it is allowed by those without alone. */
const UNNAMED_PORT = 0;
/** How many candidates an error message names. */
const MAX_NAMED = 5;

export interface PolicyAnswersDeps {
  readonly compiler: PolicyCompiler;
  readonly localPods: () => readonly LocalPod[];
  /** Whether all objects of the cluster are known. */
  readonly isKnown: () => boolean;
  readonly elements: () => number;
  readonly drops: () => PolicyDrops;
}

/** Texts as they were asked. */
export interface FlowQuestion {
  readonly from: string;
  readonly to: string;
  /** In capitals. */
  readonly protocol: string;
  /** Decimal digits, or "any": a port that no rule names. */
  readonly port: string;
}

interface FlowEnd {
  readonly pod: string | null;
  readonly ips: readonly IpAddress[];
}

type NamedEnd = FlowEnd & { readonly pod: string };
type Policy = NetworkPolicy | ClusterPolicy;
type OwnPolicies = Omit<PodPolicies, 'denied'>;

/** Its methods throw {@link RequestError}. */
export class PolicyAnswers {
  constructor(readonly deps: PolicyAnswersDeps) {}

  get isKnown(): boolean {
    return this.deps.isKnown();
  }

  get elements(): number {
    return this.deps.elements();
  }

  drops(): PolicyDrops {
    return this.deps.drops();
  }

  /** Of the pods of this node whose names are known, by name. */
  ofLocalPods(): PodPolicies[] {
    this.#requireKnown();
    const { traffic } = this.drops();
    return this.deps
      .localPods()
      .flatMap((local) => this.#ofLocalPod(local))
      .map((policies) => ({ ...policies, denied: deniedOf(policies, traffic) }))
      .sort((a, b) => (a.pod < b.pod ? -1 : 1));
  }

  /** @param key of any pod of the cluster */
  ofPod(key: string): PodPolicies {
    this.#requireKnown();
    const unknown = this.#deniedPods().find(({ pod }) => isCalled(pod, key));
    const policies = unknown === undefined ? this.#policiesOf(this.#findPod(key)) : deniedPod(unknown.pod, unknown.ips);
    return { ...policies, denied: deniedOf(policies, this.drops().traffic) };
  }

  decide({ from, to, protocol, port }: FlowQuestion): PolicyDecision {
    this.#requireKnown();
    const { compiler } = this.deps;
    if (!isProtocol(protocol)) {
      throw invalid(`unknown protocol "${protocol}" (expected ${PROTOCOLS.join(', ')})`);
    }
    const traffic = { protocol, port: readPort(port) };
    const source = this.#findEnd(from);
    const destination = this.#findEnd(to);
    const flows = flowsBetween(source, destination).map(([fromIp, toIp]) => {
      const flow: Flow = { source: fromIp, destination: toIp, ...traffic };
      const { allowed, egress, ingress } = decide(compiler.cluster, flow, (ip) => compiler.podsAt(ip));
      return {
        source: { pod: source.pod, ip: fromIp },
        destination: { pod: destination.pod, ip: toIp },
        allowed,
        egress: sideOf(egress),
        ingress: sideOf(ingress),
      };
    });
    if (flows.length === 0) throw invalid(`"${from}" and "${to}" have no address of the same family`);
    return {
      allowed: flows.every(({ allowed }) => allowed),
      protocol: traffic.protocol,
      port: traffic.port === UNNAMED_PORT ? null : traffic.port,
      flows,
    };
  }

  #requireKnown(): void {
    if (this.isKnown) return;
    throw new RequestError('NOT_READY', 503, 'network policies are not known yet: the API server has not told of them');
  }

  #ofLocalPod(local: LocalPod): OwnPolicies[] {
    const { compiler } = this.deps;
    if (!compiler.knows(local) && local.pod !== null) return [deniedPod(podKey(local.pod), local.ips)];
    const pod = local.pod === null ? null : compiler.cluster.pod(local.pod.namespace, local.pod.name);
    const found = pod ?? compiler.podsAt(local.ips[0]!)[0];
    return found === undefined ? [] : [this.#policiesOf(found)];
  }

  #policiesOf(pod: Pod): OwnPolicies {
    const [ingress, egress] = [this.#directionOf(pod, 'ingress'), this.#directionOf(pod, 'egress')];
    const policies = new Set([...ingress.policies, ...egress.policies]);
    return {
      pod: podKey(pod),
      ips: [...this.deps.compiler.ipsOf(pod)],
      known: true,
      ingress: ingress.answer,
      egress: egress.answer,
      problems: [...policies].flatMap((policy) => policy.problems.map((problem) => `${nameOf(policy)}: ${problem}`)),
    };
  }

  /** Rules in the order in which they are asked; the Baseline tier says nothing of an isolated pod. */
  #directionOf(pod: Pod, direction: Direction): { policies: Policy[]; answer: PodDirection } {
    const { cluster } = this.deps.compiler;
    const isolating = cluster.isolating(pod, direction);
    const baseline = isolating.length > 0 ? [] : cluster.inTier('Baseline', pod, direction);
    const policies = [...cluster.inTier('Admin', pod, direction), ...isolating, ...baseline];
    const rules = policies.flatMap((policy) => policy[direction]!.map((_, i) => ruleInWords(policy, direction, i)));
    return { policies, answer: { isolated: isolating.length > 0, policies: isolating.map(nameOf), rules } };
  }

  #findEnd(text: string): FlowEnd {
    const ip = readIp(text);
    const denied = this.#deniedPods().find(({ pod, ips }) => (ip === null ? isCalled(pod, text) : ips.includes(ip)));
    if (denied !== undefined) {
      throw new RequestError(
        'NOT_READY',
        409,
        `the API server has not told of ${denied.pod} yet: everything is denied until it does`,
      );
    }
    if (ip !== null) {
      const [pod] = this.deps.compiler.podsAt(ip);
      return { pod: pod === undefined ? null : podKey(pod), ips: [ip] };
    }
    const pod = this.#findPod(text);
    const ips = this.deps.compiler.ipsOf(pod);
    if (ips.length === 0) throw invalid(`pod "${podKey(pod)}" has no address yet`);
    if (pod.isOver) throw invalid(`pod "${podKey(pod)}" is over: its addresses may be those of another pod`);
    return { pod: podKey(pod), ips };
  }

  #findPod(key: string): Pod {
    const matches = [...this.deps.compiler.cluster.pods()].filter((pod) => isCalled(podKey(pod), key));
    const [only, ...others] = matches;
    if (only === undefined) {
      throw new RequestError('NOT_FOUND', 404, `no pod "${key}" is known (expected a name, namespace/name or address)`);
    }
    if (others.length > 0) {
      const named = matches.slice(0, MAX_NAMED).map(podKey).sort().join(', ');
      throw invalid(`"${key}" means ${matches.length} pods: ${named}; give namespace/name`);
    }
    return only;
  }

  /** Those of this node that the API server has not told of. */
  #deniedPods(): NamedEnd[] {
    const denied = this.deps.localPods().filter((local) => !this.deps.compiler.knows(local));
    return denied.flatMap(({ pod, ips }) => (pod === null ? [] : [{ pod: podKey(pod), ips }]));
  }
}

function deniedOf({ ips }: OwnPolicies, traffic: readonly DroppedTraffic[]): DroppedTraffic[] {
  return traffic.filter(({ source, destination }) => ips.includes(source.ip) || ips.includes(destination.ip));
}

function deniedPod(pod: string, ips: readonly IpAddress[]): OwnPolicies {
  const denied: PodDirection = { isolated: true, policies: [], rules: [] };
  return { pod, ips: [...ips], known: false, ingress: denied, egress: denied, problems: [] };
}

function ruleInWords(policy: Policy, direction: Direction, index: number): PolicyRuleWords {
  const rule = policy[direction]![index]!;
  const own = 'namespace' in policy ? policy.namespace : '';
  const words = { policy: nameOf(policy), index, peers: peersInWords(rule, own), ports: portsInWords(rule) };
  return 'action' in rule && 'tier' in policy ? { ...words, tier: policy.tier, action: rule.action } : words;
}

/** `namespace/name`; the name of a cluster-wide one. */
function nameOf(policy: Policy): string {
  return 'namespace' in policy ? podKey(policy) : policy.name;
}

/** One flow for each family. */
function flowsBetween(source: FlowEnd, destination: FlowEnd): [IpAddress, IpAddress][] {
  return source.ips.flatMap((from) => {
    const to = destination.ips.find((ip) => ipFamily(ip) === ipFamily(from));
    return to === undefined ? [] : [[from, to] as [IpAddress, IpAddress]];
  });
}

function sideOf({ direction, allowed, isolatedBy, rule }: SideDecision): PolicySideDecision {
  const unneeded = isolatedBy.length === 0 ? 'notIsolated' : 'itself';
  const denied = rule === null ? 'defaultDeny' : 'denyRule';
  return {
    allowed,
    verdict: !allowed ? denied : rule !== null ? 'rule' : unneeded,
    policies: isolatedBy.map(podKey),
    rule: rule === null ? null : ruleInWords(rule.policy, direction, rule.index),
  };
}

/** @param pod `namespace/name` */
function isCalled(pod: string, key: string): boolean {
  return pod === key || pod.endsWith(`/${key}`);
}

function readPort(text: string): number {
  if (text === ANY_PORT) return UNNAMED_PORT;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > MAX_PORT) throw invalid(`port is "${text}" (expected 1 to ${MAX_PORT}, or "${ANY_PORT}")`);
  return port;
}

/** Null for text that is no address. */
function readIp(text: string): IpAddress | null {
  try {
    return parseIpAddress(text);
  } catch (thrown) {
    if (thrown instanceof AddressError) return null;
    throw thrown;
  }
}

function invalid(message: string): RequestError {
  return new RequestError('REQUEST_INVALID', 400, message);
}
