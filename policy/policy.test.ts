import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { fuzzRuns } from '../test/fuzz/fuzz-runs.js';
import { DecodeError } from '../common/errors.js';
import { parseIpAddress } from '../common/address/ip-address.js';
import {
  Cluster,
  decide,
  parseClusterPolicy,
  parseNamespace,
  parseNetworkPolicy,
  parsePod,
  PolicyCompiler,
} from './index.js';
import { answersOf, attachAll, compilerOf, disagreements } from './testing/agreement.js';
import type { ApiObjects } from './testing/oracle.js';
import { Dice, randomCluster, randomClusterPolicy, randomPolicy } from './testing/random-cluster.js';

const ip = parseIpAddress;

function policyObject(spec: unknown, name = 'p') {
  return { metadata: { namespace: 'red', name }, spec };
}

function podObject(name: string, address: string, more: { labels?: Record<string, string>; uid?: string } = {}) {
  const { labels = {}, uid = `uid-${name}` } = more;
  return {
    metadata: { namespace: 'red', name, uid, labels },
    spec: { containers: [{ ports: [{ name: 'http', containerPort: 80 }] }] },
    status: { phase: 'Running', podIPs: address === '' ? [] : [{ ip: address }] },
  };
}

describe('policies of random clusters', () => {
  it('are decided and compiled as the text of the API says', () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const dice = new Dice(seed);
        const objects = randomCluster(dice);
        expect(disagreements(answersOf(dice, objects, compilerOf(objects)))).toEqual([]);
      }),
      { numRuns: fuzzRuns(60) },
    );
  });

  it('are compiled after changes to what a fresh compilation gives', () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const dice = new Dice(seed);
        const objects = randomCluster(dice);
        const compiler = compilerOf(objects);
        compiler.compile();
        for (let change = 0; change < 4; change++) {
          changeOne(dice, objects, compiler);
          attachAll(compiler);
          if (dice.oneIn(2)) compiler.compile();
        }
        expect(compiler.compile()).toEqual(compilerOf(objects).compile());
        expect(disagreements(answersOf(dice, objects, compiler))).toEqual([]);
      }),
      { numRuns: fuzzRuns(30) },
    );
  });
});

describe('a policy', () => {
  it.each([
    [
      'an unknown protocol',
      { ingress: [{ ports: [{ protocol: 'ICMP' }] }] },
      'spec.ingress[0].ports[0]: unknown protocol "ICMP"',
    ],
    [
      'a port beyond 65535',
      { ingress: [{ ports: [{ port: 70_000 }] }] },
      'spec.ingress[0].ports[0]: port is 70000 (expected 1 to 65535)',
    ],
    [
      'an endPort below its port',
      { ingress: [{ ports: [{ port: 80, endPort: 79 }] }] },
      'endPort is 79 (expected 80 to 65535)',
    ],
    [
      'an endPort of a name',
      { ingress: [{ ports: [{ port: 'http', endPort: 90 }] }] },
      'endPort needs a port that is a number',
    ],
    [
      'a bad block',
      { ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.0/33' } }] }] },
      'spec.ingress[0].from[0].ipBlock.cidr: "10.0.0.0/33" has prefix length',
    ],
    [
      'a bad exception',
      { ingress: [{ from: [{ ipBlock: { cidr: '0.0.0.0/0', except: ['ten'] } }] }] },
      'spec.ingress[0].from[0].ipBlock.except[0]: "ten" is not',
    ],
    ['an empty peer', { ingress: [{ from: [{}] }] }, 'spec.ingress[0].from[0]: the peer is empty'],
    [
      'a block beside a selector',
      { ingress: [{ from: [{ ipBlock: { cidr: '0.0.0.0/0' }, podSelector: {} }] }] },
      'ipBlock stands beside a selector',
    ],
    [
      'an operator of later versions',
      { ingress: [{ from: [{ podSelector: { matchExpressions: [{ key: 'a', operator: 'Gt', values: ['1'] }] } }] }] },
      'unknown operator "Gt" of label "a"',
    ],
    ['a rule that is none', { ingress: ['all'] }, 'spec.ingress[0]: expected a rule'],
    ['an unknown type', { policyTypes: ['Transit'] }, 'spec.policyTypes: unknown type "Transit"'],
    ['a pod selector that is none', { podSelector: 'all' }, 'spec.podSelector: expected matchLabels'],
  ])('with %s says so, and opens nothing', (_, spec, problem) => {
    const policy = parseNetworkPolicy(policyObject({ podSelector: { matchLabels: { app: 'a' } }, ...spec }));
    expect(policy.problems.join('\n')).toContain(problem);
    const cluster = new Cluster();
    cluster.putPolicy(policy);
    cluster.putPod(parsePod(podObject('a', '10.0.0.1', { labels: { app: 'a' } })));
    cluster.putPod(parsePod(podObject('b', '10.0.0.2')));
    const flow = { source: ip('10.0.0.2'), destination: ip('10.0.0.1'), protocol: 'TCP', port: 80 } as const;
    expect(decide(cluster, flow).allowed).toBe(false);
  });

  it('may have blocks as the API server takes them, with host bits and leading zeros', () => {
    const block = { cidr: '010.01.1.7/16', except: ['10.1.2.3/24'] };
    const cluster = new Cluster();
    cluster.putPolicy(parseNetworkPolicy(policyObject({ podSelector: {}, ingress: [{ from: [{ ipBlock: block }] }] })));
    cluster.putPod(parsePod(podObject('a', '10.0.0.1')));
    const from = (source: string) =>
      decide(cluster, { source: ip(source), destination: ip('10.0.0.1'), protocol: 'TCP', port: 80 }).allowed;
    expect(['10.1.3.9', '10.1.2.9', '10.2.0.1'].map(from)).toEqual([true, false, false]);
  });

  it('is refused as a whole only when it is no policy', () => {
    expect(() => parseNetworkPolicy({ metadata: { name: 'p' } })).toThrow(DecodeError);
    expect(() => parsePod({ ...podObject('a', 'here') })).toThrow(
      'Pod red/a: status.podIPs: "here" is not an IP address',
    );
    expect(() => parseNamespace({})).toThrow(DecodeError);
  });

  it('is named with its rule when it allows a flow, and all that isolate when none does', () => {
    const cluster = new Cluster();
    cluster.putPod(parsePod(podObject('a', '10.0.0.1')));
    cluster.putPolicy(parseNetworkPolicy(policyObject({ podSelector: {} }, 'deny')));
    cluster.putPolicy(
      parseNetworkPolicy(
        policyObject({ podSelector: {}, ingress: [{ ports: [{ port: 81 }] }, { ports: [{ port: 'http' }] }] }, 'web'),
      ),
    );
    const to = (port: number) =>
      decide(cluster, { source: ip('192.0.2.1'), destination: ip('10.0.0.1'), protocol: 'TCP', port }).ingress;
    expect([to(80).rule?.policy.name, to(80).rule?.index]).toEqual(['web', 1]);
    expect([to(82).rule, to(82).isolatedBy.map(({ name }) => name)]).toEqual([null, ['deny', 'web']]);
  });
});

describe('a cluster-wide policy', () => {
  const every = { namespaces: {} };
  const clusterPolicy = (more: object) =>
    parseClusterPolicy({
      metadata: { name: 'c' },
      spec: { tier: 'Admin', priority: 1, subject: every, ...more },
    });
  const allowedBy = (...rules: object[]): boolean => {
    const cluster = new Cluster();
    cluster.putNamespace(parseNamespace({ metadata: { name: 'red' } }));
    cluster.putPod(parsePod(podObject('a', '10.0.0.1')));
    cluster.putPod(parsePod(podObject('b', '10.0.0.2')));
    cluster.putPolicy(parseNetworkPolicy(policyObject({ podSelector: {} }, 'deny')));
    cluster.putClusterPolicy(clusterPolicy({ ingress: rules }));
    return decide(cluster, { source: ip('10.0.0.2'), destination: ip('10.0.0.1'), protocol: 'TCP', port: 80 }).allowed;
  };
  const accept = { action: 'Accept', from: [every] };

  it.each([
    [
      'a peer of a kind that is not known',
      { from: [{ ...every, galaxies: {} }] },
      'from[0]: expected namespaces or pods, found namespaces, galaxies',
    ],
    ['nodes as peers', { from: [{ nodes: {} }] }, 'from[0]: expected namespaces or pods, found nodes'],
    ['no peer', { from: undefined }, 'expected a list "from"'],
    ['an empty peer', { from: [{}] }, 'from[0]: expected namespaces or pods'],
    [
      'networks of an ingress rule',
      { from: [{ networks: ['10.0.0.0/8'] }] },
      'networks are peers of egress rules alone',
    ],
    [
      'an unknown operator',
      { from: [{ namespaces: { matchExpressions: [{ key: 'a', operator: 'Like' }] } }] },
      'unknown operator "Like"',
    ],
    ['an unknown protocol', { protocols: [{ icmp: {} }] }, 'expected tcp, udp or sctp'],
    [
      'a port out of range',
      { protocols: [{ tcp: { destinationPort: { number: 70_000 } } }] },
      'expected tcp, udp or sctp',
    ],
    [
      'a range that ends before it starts',
      { protocols: [{ tcp: { destinationPort: { range: { start: 9, end: 8 } } } }] },
      'range ends at 8',
    ],
  ])('fails closed with %s: Accept matches nothing, Deny and Pass deny everything', (_, part, problem) => {
    const { problems } = clusterPolicy({ ingress: [{ ...accept, ...part }] });
    expect(problems.join()).toContain(problem);
    expect(allowedBy(accept)).toBe(true);
    expect(allowedBy({ ...accept, ...part })).toBe(false);
    expect(allowedBy({ ...accept, ...part }, accept)).toBe(true);
    expect(allowedBy({ ...accept, ...part, action: 'Deny' }, accept)).toBe(false);
    expect(allowedBy({ ...accept, ...part, action: 'Pass' }, accept)).toBe(false);
  });

  it('fails closed for all pods when its subject cannot be read, or a rule is none', () => {
    const { subject, ingress, problems } = clusterPolicy({
      subject: {},
      ingress: [accept, { ...accept, action: 'Pass' }],
    });
    expect(subject.pods.requirements).toEqual([]);
    expect(ingress.map(({ action, peers }) => [action, peers])).toEqual([
      ['Accept', []],
      ['Deny', null],
    ]);
    expect(problems).toEqual(['spec.subject: expected namespaces or pods']);
    expect(allowedBy({ action: 'Allow', from: [every] }, accept)).toBe(false);
  });

  it('is refused as a whole without a tier or with a priority out of range', () => {
    for (const more of [{ tier: 'Default' }, { priority: 1001 }, { priority: 'first' }]) {
      expect(() => clusterPolicy(more)).toThrow(DecodeError);
    }
  });
});

describe('the compiler', () => {
  const local = (name: string, uid: string | null, ...ips: string[]) => ({
    pod: { namespace: 'red', name, uid },
    ips: ips.map(ip),
  });

  it('drops everything of a pod that the API server has not told of, and of another pod under its name', () => {
    const compiler = new PolicyCompiler(new Cluster());
    compiler.setLocalPods([local('a', 'uid-a', '10.0.0.1', 'fd00::1'), { pod: null, ips: [ip('10.0.0.9')] }]);
    const isolated = () => Object.values(compiler.compile().verdicts).map((map) => [...map.keys()]);
    expect(isolated()).toEqual([['10.0.0.1'], ['fd00::1'], ['10.0.0.1'], ['fd00::1']]);
    compiler.putPod(parsePod(podObject('a', '', { uid: 'uid-before' })));
    expect(isolated()).toEqual([['10.0.0.1'], ['fd00::1'], ['10.0.0.1'], ['fd00::1']]);
    compiler.putPod(parsePod(podObject('a', '')));
    expect(isolated()).toEqual([[], [], [], []]);
  });

  it('knows the addresses of a pod of this node before the API server does', () => {
    const compiler = new PolicyCompiler(new Cluster());
    compiler.putPolicy(
      parseNetworkPolicy(policyObject({ podSelector: {}, ingress: [{ from: [{ podSelector: {} }] }] })),
    );
    compiler.putPod(parsePod(podObject('a', '10.0.0.1')));
    compiler.putPod(parsePod(podObject('b', '')));
    const peers = () =>
      [...compiler.compile().sets].filter(([name]) => name.startsWith('p-')).map(([, { elements }]) => [...elements]);
    compiler.setLocalPods([local('a', null, '10.0.0.1'), local('b', null, '10.0.0.2')]);
    expect(peers()).toEqual([['10.0.0.1', '10.0.0.2']]);
    compiler.setLocalPods([local('a', null, '10.0.0.1')]);
    expect(peers()).toEqual([['10.0.0.1']]);
  });

  it("changes only the elements of a set when one pod's labels change, and keeps all other objects", () => {
    const compiler = new PolicyCompiler(new Cluster());
    const peers = [{ podSelector: { matchLabels: { app: 'a' } } }, { podSelector: { matchLabels: { app: 'b' } } }];
    peers.forEach((peer, i) =>
      compiler.putPolicy(parseNetworkPolicy(policyObject({ podSelector: {}, ingress: [{ from: [peer] }] }, `p${i}`))),
    );
    compiler.putPod(parsePod(podObject('a', '10.0.0.1', { labels: { app: 'a' } })));
    compiler.putPod(parsePod(podObject('b', '10.0.0.2')));
    compiler.setLocalPods([local('a', null, '10.0.0.1')]);
    const before = compiler.compile();
    compiler.putPod(parsePod(podObject('b', '10.0.0.2', { labels: { app: 'b' } })));
    const after = compiler.compile();
    expect([...after.chains]).toEqual([...before.chains]);
    const changed = [...after.sets].filter(([name, { elements }]) => before.sets.get(name)?.elements !== elements);
    expect(changed.map(([name, { elements }]) => [name[0], [...elements]])).toEqual([
      ['p', ['10.0.0.2']],
      ['s', ['10.0.0.1 . 10.0.0.1']],
      ['s', []],
    ]);
  });

  it('isolates nothing when a rule allows everything', () => {
    const compiler = new PolicyCompiler(new Cluster());
    compiler.putPod(parsePod(podObject('a', '10.0.0.1')));
    compiler.putPolicy(parseNetworkPolicy(policyObject({ podSelector: {} }, 'deny')));
    compiler.putPolicy(parseNetworkPolicy(policyObject({ podSelector: {}, ingress: [{}] }, 'allow')));
    compiler.setLocalPods([local('a', null, '10.0.0.1')]);
    expect(compiler.compile().chains.size).toBe(0);
  });
});

/** Labels of a pod or namespace, a policy, or a pod that is deleted, in the objects and in the compiler. */
function changeOne(dice: Dice, objects: ApiObjects, compiler: PolicyCompiler): void {
  const labels = { app: dice.pick(['a', 'b', 'c']) };
  const change = dice.roll(5);
  if (change === 0) {
    const pod = dice.pick(objects.pods);
    pod.metadata.labels = labels;
    compiler.putPod(parsePod(pod));
  } else if (change === 1) {
    const namespace = dice.pick(objects.namespaces);
    namespace.metadata.labels = labels;
    compiler.putNamespace(parseNamespace(namespace));
  } else if (change === 2) {
    const policy = randomPolicy(dice, 9);
    const isOther = ({ metadata: { name } }: { metadata: { name: string } }) => name !== 'policy-9';
    for (const { metadata } of objects.policies)
      if (!isOther({ metadata })) compiler.removePolicy(metadata.namespace, metadata.name);
    objects.policies = [...objects.policies.filter(isOther), policy];
    compiler.putPolicy(parseNetworkPolicy(policy));
  } else if (change === 3) {
    const policy = randomClusterPolicy(dice, 0);
    objects.clusterPolicies = [
      ...(objects.clusterPolicies ?? []).filter(({ metadata }) => metadata.name !== policy.metadata.name),
      policy,
    ];
    compiler.putClusterPolicy(parseClusterPolicy(policy));
  } else if (objects.pods.length > 2) {
    const { metadata } = objects.pods.pop()!;
    compiler.removePod(metadata.namespace, metadata.name);
  }
}
