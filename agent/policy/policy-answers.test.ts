import { describe, expect, it } from '@jest/globals';
import type { DroppedTraffic } from '../../common/api.js';
import { parseIpAddress } from '../../common/address/ip-address.js';
import { Cluster, parseNamespace, parseNetworkPolicy, parsePod, PolicyCompiler } from '../../policy/index.js';
import type { LocalPod } from '../../policy/index.js';
import { PolicyAnswers } from './policy-answers.js';

const selectors = [
  { podSelector: { matchLabels: { app: 'web' }, matchExpressions: [{ key: 'old', operator: 'DoesNotExist' }] } },
  { namespaceSelector: { matchExpressions: [{ key: 'team', operator: 'In', values: ['a', 'b'] }] } },
  { ipBlock: { cidr: '192.0.2.0/24', except: ['192.0.2.8/29'] } },
];
const WEB_ONLY = {
  metadata: { namespace: 'red', name: 'web-only' },
  spec: {
    podSelector: { matchLabels: { app: 'db' } },
    ingress: [
      { from: selectors, ports: [{ port: 'sql' }, { protocol: 'UDP', port: 53, endPort: 54 }, { protocol: 'SCTP' }] },
      { ports: [{ protocol: 'ICMP' }] },
    ],
  },
};
const DENY_EGRESS = {
  metadata: { namespace: 'blue', name: 'deny' },
  spec: { policyTypes: ['Egress'] },
};

function pod(namespace: string, name: string, ips: readonly string[], app = 'none') {
  return parsePod({
    metadata: { namespace, name, uid: `uid-${name}`, labels: { app } },
    spec: { containers: [{ ports: [{ name: 'sql', containerPort: 5432 }] }] },
    status: { phase: 'Running', podIPs: ips.map((ip) => ({ ip })) },
  });
}

function local(namespace: string, name: string, ...ips: string[]): LocalPod {
  return { pod: { namespace, name, uid: `uid-${name}` }, ips: ips.map(parseIpAddress) };
}

const DENIED: DroppedTraffic = {
  ...{ last: '2026-01-01T00:00:00.000Z', seen: 3, direction: 'ingress', protocol: 'TCP', port: 5432 },
  source: { pod: 'blue/web-0', ip: '10.0.1.1' },
  destination: { pod: 'red/db-0', ip: '10.0.0.2' },
  policies: ['red/web-only'],
  rule: null,
  reason: 'default deny: isolated by red/web-only, and no rule allows this',
};

function answers({ isKnown = true } = {}): PolicyAnswers {
  const compiler = new PolicyCompiler(new Cluster());
  for (const name of ['red', 'blue']) compiler.putNamespace(parseNamespace({ metadata: { name } }));
  compiler.putPod(pod('red', 'web-0', ['10.0.0.1', 'fd00::1'], 'web'));
  compiler.putPod(pod('red', 'db-0', [], 'db'));
  compiler.putPod(pod('red', 'new', []));
  compiler.putPod(pod('blue', 'web-0', ['10.0.1.1']));
  compiler.putPod(pod('blue', 'six', ['fd00:1::6']));
  for (const policy of [WEB_ONLY, DENY_EGRESS]) compiler.putPolicy(parseNetworkPolicy(policy));
  const localPods = [local('red', 'db-0', '10.0.0.2', 'fd00::2'), local('red', 'late', '10.0.0.3')];
  compiler.setLocalPods(localPods);
  const drops = () => ({ logged: true, totals: [], traffic: [DENIED] });
  return new PolicyAnswers({ compiler, localPods: () => localPods, isKnown: () => isKnown, elements: () => 0, drops });
}

function decision(from: string, to: string, port = '5432', protocol = 'TCP') {
  return answers().decide({ from, to, protocol, port });
}

describe('policies of a pod', () => {
  it('are told in words, with the parts that cannot be read', () => {
    expect(answers().ofPod('red/db-0')).toEqual({
      pod: 'red/db-0',
      ips: ['10.0.0.2', 'fd00::2'],
      denied: [DENIED],
      known: true,
      ingress: {
        isolated: true,
        policies: ['red/web-only'],
        rules: [
          {
            policy: 'red/web-only',
            index: 0,
            peers:
              'pods with app=web,!old of namespace red; all pods of namespaces with team in (a,b); 192.0.2.0/24 except 192.0.2.8/29',
            ports: 'TCP port "sql", UDP 53-54, all ports of SCTP',
          },
          { policy: 'red/web-only', index: 1, peers: 'everyone', ports: 'no port' },
        ],
      },
      egress: { isolated: false, policies: [], rules: [] },
      problems: ['red/web-only: spec.ingress[1].ports[0]: unknown protocol "ICMP" (expected TCP, UDP, SCTP)'],
    });
  });

  it('are listed for pods of this node, and one that the API server has not told of is denied', () => {
    const [db, late] = answers().ofLocalPods();
    expect(db).toEqual(answers().ofPod('db-0'));
    const denied = { isolated: true, policies: [], rules: [] };
    expect(late).toEqual({
      ...{ pod: 'red/late', ips: ['10.0.0.3'], known: false },
      ...{ ingress: denied, egress: denied, problems: [], denied: [] },
    });
    expect(answers().ofPod('late')).toEqual(late);
  });
});

describe('a decision', () => {
  it('names the rule that allows, for each family that both ends have', () => {
    const rule = expect.objectContaining({ policy: 'red/web-only', index: 0 });
    const egress = { allowed: true, verdict: 'notIsolated', policies: [], rule: null };
    const ingress = { allowed: true, verdict: 'rule', policies: ['red/web-only'], rule };
    const flow = (source: string, destination: string) => ({
      source: { pod: 'red/web-0', ip: source },
      destination: { pod: 'red/db-0', ip: destination },
      ...{ allowed: true, egress, ingress },
    });
    expect(decision('red/web-0', 'db-0')).toEqual({
      ...{ allowed: true, protocol: 'TCP', port: 5432 },
      flows: [flow('10.0.0.1', '10.0.0.2'), flow('fd00::1', 'fd00::2')],
    });
  });

  it('says which policies isolate a side that no rule lets through', () => {
    const { allowed, flows } = decision('red/web-0', 'db-0', '80');
    const ingress = { allowed: false, verdict: 'defaultDeny', policies: ['red/web-only'], rule: null };
    expect([allowed, flows[0]!.ingress]).toEqual([false, ingress]);
    expect(decision('blue/web-0', '203.0.113.1').flows).toEqual([
      expect.objectContaining({
        destination: { pod: null, ip: '203.0.113.1' },
        egress: { allowed: false, verdict: 'defaultDeny', policies: ['blue/deny'], rule: null },
        ingress: expect.objectContaining({ verdict: 'notIsolated' }),
      }),
    ]);
  });

  it('is about addresses as well, also those that only this node knows the pod of', () => {
    expect(decision('192.0.2.1', '10.0.0.2').flows[0]).toMatchObject({
      source: { pod: null },
      destination: { pod: 'red/db-0' },
      ingress: { verdict: 'rule' },
    });
    expect(decision('192.0.2.9', '10.0.0.2').allowed).toBe(false);
    expect(decision('10.0.1.1', '10.0.1.1').flows[0]!.egress).toMatchObject({ allowed: true, verdict: 'itself' });
  });

  it('without a port is what rules without ports allow', () => {
    expect(decision('red/web-0', 'db-0', 'any').allowed).toBe(false);
    expect(decision('red/web-0', 'db-0', 'any', 'SCTP')).toMatchObject({ allowed: true, port: null });
  });

  it.each([
    [() => decision('web-1', 'db-0'), 'no pod "web-1" is known (expected a name, namespace/name or address)'],
    [() => answers().ofPod('green/web-0'), 'no pod "green/web-0" is known'],
    [() => decision('web-0', 'db-0'), '"web-0" means 2 pods: blue/web-0, red/web-0; give namespace/name'],
    [() => decision('new', 'db-0'), 'pod "red/new" has no address yet'],
    [() => decision('db-0', 'late'), 'the API server has not told of red/late yet'],
    [() => decision('db-0', '10.0.0.3'), 'the API server has not told of red/late yet'],
    [() => decision('blue/web-0', 'six'), '"blue/web-0" and "six" have no address of the same family'],
    [() => decision('db-0', 'six', '0'), 'port is "0" (expected 1 to 65535, or "any")'],
    [() => decision('db-0', 'six', '65536'), 'port is "65536"'],
    [() => decision('db-0', 'six', '80', 'ICMP'), 'unknown protocol "ICMP" (expected TCP, UDP, SCTP)'],
    [() => answers({ isKnown: false }).ofLocalPods(), 'network policies are not known yet'],
  ])('is refused with the reason: %#', (ask, message) => {
    expect(ask).toThrow(message);
  });
});
