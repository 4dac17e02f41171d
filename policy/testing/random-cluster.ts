/** Random clusters from a seed: few labels, names, ports and blocks, so that policies overlap, and nearly match. */
import type {
  ApiClusterPolicy,
  ApiNamespace,
  ApiNamespacedPods,
  ApiObjects,
  ApiPeer,
  ApiPod,
  ApiPolicy,
  ApiPort,
  ApiProtocol,
  ApiSelector,
  ApiTierRule,
  OracleFlow,
} from './oracle.js';

const NAMESPACES = ['red', 'green', 'blue'];
const APPS = ['a', 'b', 'c'];
const PROTOCOLS = ['TCP', 'UDP', 'SCTP'];
const NAMES = ['http', 'dns'];
const PORTS = [80, 81, 8080];

/** Draws from a seed (mulberry32). */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0 to `sides - 1`. */
  roll(sides: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % sides;
  }

  /** True once in `sides`. */
  oneIn(sides: number): boolean {
    return this.roll(sides) === 0;
  }

  pick<T>(all: readonly T[]): T {
    return all[this.roll(all.length)]!;
  }

  some<T>(most: number, make: (index: number) => T): T[] {
    return Array.from({ length: this.roll(most + 1) }, (_, i) => make(i));
  }
}

export interface ClusterShape {
  readonly pods: number;
  readonly policies: number;
  /** Addresses of the pod with this number, one per family. */
  readonly addresses: (index: number) => readonly string[];
  /** Pods that are over or of the host's network are among them. */
  readonly withOthers: boolean;
}

export const SMALL_CLUSTER: ClusterShape = {
  pods: 6,
  policies: 5,
  addresses: (index) => [`10.0.${index % 3}.${index + 1}`, `fd00::${index % 3}:${index + 1}`],
  withOthers: true,
};

export function randomCluster(dice: Dice, shape: ClusterShape = SMALL_CLUSTER): ApiObjects {
  const namespaces = NAMESPACES.map((name): ApiNamespace => ({ metadata: { name, labels: randomLabels(dice) } }));
  return {
    // The API server has told of a pod before it told of its namespace.
    namespaces: dice.oneIn(8) ? namespaces.slice(1) : namespaces,
    pods: Array.from({ length: shape.pods }, (_, i) => randomPod(dice, shape, i)),
    policies: dice.some(shape.policies, (i) => randomPolicy(dice, i)),
    clusterPolicies: dice.oneIn(2) ? [] : dice.some(4, (i) => randomClusterPolicy(dice, i)),
  };
}

export function randomFlow(dice: Dice, { pods }: ApiObjects): OracleFlow {
  const family = dice.roll(2);
  const outside = ['192.0.2.7', '2001:db8::7'][family]!;
  const address = (): string => (dice.oneIn(6) ? outside : (dice.pick(pods).status.podIPs[family]?.ip ?? outside));
  return { source: address(), destination: address(), protocol: dice.pick(PROTOCOLS), port: dice.pick([...PORTS, 82]) };
}

function randomPod(dice: Dice, { addresses, withOthers }: ClusterShape, index: number): ApiPod {
  const isOver = withOthers && dice.oneIn(8);
  // An address of a pod that is over may be another pod's by now.
  const ips = addresses(isOver && index > 0 ? index - 1 : index).map((ip) => ({ ip }));
  return {
    metadata: {
      namespace: dice.pick(NAMESPACES),
      name: `pod-${index}`,
      uid: `uid-${index}`,
      labels: randomLabels(dice),
    },
    spec: {
      ...(withOthers && dice.oneIn(10) ? { hostNetwork: true } : {}),
      containers: [
        {
          ports: dice.some(3, () => ({
            ...(dice.oneIn(4) ? {} : { name: dice.pick(NAMES) }),
            containerPort: dice.pick(PORTS),
            ...protocolOf(dice),
          })),
        },
      ],
    },
    status: { phase: isOver ? dice.pick(['Succeeded', 'Failed']) : 'Running', podIPs: ips },
  };
}

export function randomPolicy(dice: Dice, index: number): ApiPolicy {
  const types = dice.pick([undefined, [], ['Ingress'], ['Egress'], ['Ingress', 'Egress']]);
  const rules = () =>
    dice.some(2, () => ({ ports: dice.some(3, () => randomPort(dice)), peers: dice.some(3, () => randomPeer(dice)) }));
  return {
    metadata: { namespace: dice.pick(NAMESPACES), name: `policy-${index}` },
    spec: {
      podSelector: randomSelector(dice),
      ...(types === undefined ? {} : { policyTypes: types }),
      ...(dice.oneIn(4)
        ? {}
        : {
            ingress: rules().map(({ ports, peers }) => ({
              ...listed('from', peers, dice),
              ...listed('ports', ports, dice),
            })),
          }),
      ...(dice.oneIn(3)
        ? {}
        : {
            egress: rules().map(({ ports, peers }) => ({
              ...listed('to', peers, dice),
              ...listed('ports', ports, dice),
            })),
          }),
    },
  };
}

export function randomClusterPolicy(dice: Dice, index: number): ApiClusterPolicy {
  const rules = (side: 'from' | 'to'): ApiTierRule[] =>
    dice.some(3, () => ({
      action: dice.pick(['Accept', 'Deny', 'Pass']),
      [side]: [0, ...dice.some(1, () => 0)].map(() => randomTierPeer(dice, side)),
      ...(dice.oneIn(2) ? {} : { protocols: [0, ...dice.some(1, () => 0)].map(() => randomProtocol(dice)) }),
    }));
  return {
    metadata: { name: `cluster-policy-${index}` },
    spec: {
      tier: dice.pick(['Admin', 'Baseline']),
      priority: dice.roll(3),
      subject: randomNamespacedPods(dice),
      ...(dice.oneIn(3) ? {} : { ingress: rules('from') }),
      ...(dice.oneIn(3) ? {} : { egress: rules('to') }),
    },
  };
}

function randomTierPeer(dice: Dice, side: 'from' | 'to'): ApiNamespacedPods & { networks?: string[] } {
  if (side === 'from' || !dice.oneIn(3)) return randomNamespacedPods(dice);
  return { networks: [randomBlock(dice).cidr, ...dice.some(1, () => randomBlock(dice).cidr)] };
}

function randomNamespacedPods(dice: Dice): ApiNamespacedPods {
  if (dice.oneIn(2)) return { namespaces: randomSelector(dice) };
  return { pods: { namespaceSelector: randomSelector(dice), podSelector: randomSelector(dice) } };
}

function randomProtocol(dice: Dice): ApiProtocol {
  if (dice.oneIn(4)) return { destinationNamedPort: dice.pick(NAMES) };
  const start = dice.pick(PORTS);
  const ports = dice.pick([
    {},
    { destinationPort: { number: start } },
    { destinationPort: { range: { start, end: start + 1 } } },
  ]);
  return { [dice.pick(['tcp', 'udp', 'sctp'])]: ports };
}

/** An empty list is written or left out, which mean the same. */
function listed<Name extends string, T>(name: Name, list: T[], dice: Dice): Partial<Record<Name, T[]>> {
  return list.length === 0 && dice.oneIn(2) ? {} : ({ [name]: list } as Record<Name, T[]>);
}

function randomPort(dice: Dice): ApiPort {
  const port = dice.pick(PORTS);
  const form = dice.roll(5);
  if (form === 0) return protocolOf(dice);
  if (form === 1) return { ...protocolOf(dice), port: dice.pick(NAMES) };
  return { ...protocolOf(dice), port, ...(form === 2 ? { endPort: port + dice.roll(3) } : {}) };
}

function protocolOf(dice: Dice): { protocol?: string } {
  return dice.oneIn(4) ? {} : { protocol: dice.pick(PROTOCOLS) };
}

function randomPeer(dice: Dice): ApiPeer {
  const form = dice.roll(5);
  if (form === 0) return { ipBlock: randomBlock(dice) };
  if (form === 1) return { namespaceSelector: randomSelector(dice) };
  if (form === 2) return { podSelector: randomSelector(dice), namespaceSelector: randomSelector(dice) };
  return { podSelector: randomSelector(dice) };
}

function randomBlock(dice: Dice): { cidr: string; except?: string[] } {
  const isV6 = dice.oneIn(2);
  const wide = isV6
    ? dice.pick(['::/0', 'fd00::/96', 'fd00::1:0/112'])
    : dice.pick(['0.0.0.0/0', '10.0.0.0/16', '10.0.1.0/24']);
  const holes = isV6
    ? ['fd00::1:0/112', 'fd00::1:2/127', 'fd00::2:3/128']
    : ['10.0.1.0/28', '10.0.2.2/31', '10.0.0.1/32'];
  const except = dice.some(2, () => dice.pick(holes));
  return { cidr: wide, ...(except.length > 0 ? { except } : {}) };
}

function randomSelector(dice: Dice): ApiSelector {
  const form = dice.roll(6);
  if (form === 0) return {};
  if (form <= 2) return { matchLabels: { app: dice.pick(APPS) } };
  const key = dice.pick(['app', 'tier']);
  if (form === 3) return { matchExpressions: [{ key, operator: dice.pick(['Exists', 'DoesNotExist']) }] };
  const values = [dice.pick(APPS), dice.pick(APPS)];
  return {
    ...(form === 4 ? { matchLabels: { tier: dice.pick(APPS) } } : {}),
    matchExpressions: [{ key, operator: dice.pick(['In', 'NotIn']), values }],
  };
}

function randomLabels(dice: Dice): Record<string, string> {
  return {
    ...(dice.oneIn(6) ? {} : { app: dice.pick(APPS) }),
    ...(dice.oneIn(2) ? {} : { tier: dice.pick(APPS) }),
  };
}
