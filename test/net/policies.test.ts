/**
 * Network policies on the real kernel: the cases that the upstream suite names, random clusters against the oracle, and changes
 * while connections last. Needs root, iproute2, nft and python3.
 */
import { describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { attachAll, compilerOf } from '../../policy/testing/agreement.js';
import { oracleAllows } from '../../policy/testing/oracle.js';
import type { ApiClusterPolicy, ApiObjects, ApiPeer, ApiPolicy, ApiSelector } from '../../policy/testing/oracle.js';
import { Dice, randomCluster, randomFlow, SMALL_CLUSTER } from '../../policy/testing/random-cluster.js';
import { asInstalled, parsePod, tableCommands } from '../../policy/index.js';
import { PORTS, usePolicyLab } from './policy-lab.js';
import type { PolicyPod, Probe } from './policy-lab.js';

const TEST_TIMEOUT_MS = 60_000;
const RANDOM_CLUSTERS = 15;
const RANDOM_FLOWS = 40;
/** At moments of the change from its end to its begin. */
const KILLS = 12;
const LARGE_CHANGE_BLOCKS = 5000;

/** Pods a, b and c in each of the namespaces x, y and z, as in the upstream suite. */
const NAMESPACES = ['x', 'y', 'z'];
const PODS = ['a', 'b', 'c'];
const ADDRESSES = Array.from({ length: 9 }, (_, i) => [`10.0.${i % 3}.${i + 1}`, `fd00::${i % 3}:${i + 1}`]);

type Spec = ApiPolicy['spec'];
const pod = (...names: string[]): ApiSelector => ({
  matchExpressions: [{ key: 'pod', operator: 'In', values: names }],
});
const ns = (...names: string[]): ApiSelector => ({ matchExpressions: [{ key: 'ns', operator: 'In', values: names }] });
const A = { matchLabels: { pod: 'a' } };
const both: Spec['policyTypes'] = ['Ingress', 'Egress'];
const ingress = (...from: ApiPeer[]): Spec => ({ podSelector: A, ingress: [{ from }] });
const egress = (...to: ApiPeer[]): Spec => ({ podSelector: A, policyTypes: ['Egress'], egress: [{ to }] });
/** Addresses of pods of namespace x, and of all. */
const [X, ALL] = ['10.0.0.0/24', '10.0.0.0/16'];

/** The specs are of policies of namespace x. */
const CASES: readonly (readonly [name: string, ...specs: Spec[]])[] = [
  ['default-deny-ingress', { podSelector: {}, policyTypes: ['Ingress'] }],
  ['default-deny-egress', { podSelector: {}, policyTypes: ['Egress'] }],
  ['default-deny-all', { podSelector: {}, policyTypes: both }],
  ['allow-all', { podSelector: {}, policyTypes: ['Ingress'] }, { podSelector: {}, ingress: [{}] }],
  ['ingress from pods of the namespace', ingress({ podSelector: pod('b') })],
  [
    'ingress from everyone to one target',
    { podSelector: {}, policyTypes: ['Ingress'] },
    { podSelector: A, ingress: [{}] },
  ],
  ['ingress from pods of all namespaces', ingress({ namespaceSelector: {} })],
  ['ingress from another namespace', ingress({ namespaceSelector: ns('y') })],
  ['ingress from a pod of another namespace', ingress({ namespaceSelector: ns('y'), podSelector: pod('a') })],
  [
    'pod selector by expressions',
    ingress({ podSelector: { matchExpressions: [{ key: 'pod', operator: 'NotIn', values: ['c'] }] } }),
  ],
  [
    'namespace selector by expressions',
    ingress({ namespaceSelector: { matchExpressions: [{ key: 'ns', operator: 'Exists' }] } }),
  ],
  ['pod selector or namespace selector', ingress({ namespaceSelector: ns('y') }, { podSelector: pod('b') })],
  ['pod selector and namespace selector', ingress({ namespaceSelector: ns('y'), podSelector: pod('b') })],
  [
    'several pod selectors and namespace selectors',
    ingress({ namespaceSelector: ns('y', 'z'), podSelector: pod('b', 'c') }),
  ],
  ['any pod selector', ingress({ podSelector: pod('b') }, { podSelector: pod('c') })],
  [
    'default label of namespaces',
    ingress({ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'y' } } }),
  ],
  [
    'default label of namespaces by expressions',
    ingress({
      namespaceSelector: {
        matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: ['x', 'z'] }],
      },
    }),
  ],
  ['ingress denied from pods of other namespaces', ingress({ podSelector: {} })],
  ['egress denied by the client although the server allows', { podSelector: {}, ingress: [{}] }, egress()],
  ['a port', { podSelector: A, ingress: [{ from: [{ namespaceSelector: ns('y') }], ports: [{ port: 81 }] }] }],
  [
    'stacked policies with overlapping selectors',
    { podSelector: A, ingress: [{ ports: [{ port: 80 }] }] },
    { podSelector: pod('a', 'b'), ingress: [{ from: [{ namespaceSelector: ns('y') }], ports: [{ port: 81 }] }] },
  ],
  ['ingress on a named port', { podSelector: A, ingress: [{ ports: [{ port: 'serve-80-tcp' }] }] }],
  [
    'ingress from a namespace on a named port',
    { podSelector: A, ingress: [{ from: [{ namespaceSelector: ns('y') }], ports: [{ port: 'serve-81-tcp' }] }] },
  ],
  [
    'egress on a named port',
    { podSelector: A, policyTypes: ['Egress'], egress: [{ ports: [{ port: 'serve-80-tcp' }] }] },
  ],
  ['a range of ports', { podSelector: A, ingress: [{ ports: [{ port: 80, endPort: 81 }] }] }],
  ['a range of ports without the second', { podSelector: A, ingress: [{ ports: [{ port: 70, endPort: 80 }] }] }],
  ['egress denied to pods of other namespaces', egress({ podSelector: {} })],
  ['egress to another namespace', egress({ namespaceSelector: ns('y') })],
  [
    'ingress and egress of one policy',
    { ...ingress({ podSelector: pod('b') }), policyTypes: both, egress: [{ ports: [{ port: 81 }] }] },
  ],
  ['ingress and egress of two policies', ingress({ podSelector: pod('b') }), egress({ podSelector: pod('b') })],
  ['any port of one protocol', { podSelector: A, ingress: [{ ports: [{ protocol: 'TCP' }] }] }],
  [
    'egress allow-all beside deny',
    { podSelector: {}, policyTypes: ['Egress'] },
    { podSelector: {}, policyTypes: ['Egress'], egress: [{}] },
  ],
  ['egress to a block', egress({ ipBlock: { cidr: X } })],
  ['a block with an exception', egress({ ipBlock: { cidr: ALL, except: [X] } })],
  [
    'an address in the exception of one block, and in another',
    egress({ ipBlock: { cidr: ALL, except: [X] } }, { ipBlock: { cidr: '10.0.0.4/32' } }),
  ],
  ['ingress from blocks of IPv6', ingress({ ipBlock: { cidr: 'fd00::/64', except: ['fd00::1:0/112'] } })],
  ['SCTP allowed is not TCP', { podSelector: A, ingress: [{ ports: [{ protocol: 'SCTP', port: 80 }] }] }],
  ['a range of SCTP ports', { podSelector: A, ingress: [{ ports: [{ protocol: 'SCTP', port: 70, endPort: 80 }] }] }],
  ['SCTP on a named port', { podSelector: A, ingress: [{ ports: [{ protocol: 'SCTP', port: 'serve-80-sctp' }] }] }],
  ['UDP allowed is not TCP', { podSelector: A, ingress: [{ ports: [{ protocol: 'UDP', port: 80 }] }] }],
  ['no policy'],
];

type ClusterSpec = ApiClusterPolicy['spec'];
const inX = { namespaces: ns('x') };
const fromY = { from: [{ namespaces: ns('y') }] };
const toY = { to: [{ namespaces: ns('y') }] };
const admin = (spec: Partial<ClusterSpec>, priority = 10): ClusterSpec => ({
  ...{ tier: 'Admin', priority, subject: inX },
  ...spec,
});
const baseline = (spec: Partial<ClusterSpec>): ClusterSpec => admin({ tier: 'Baseline', ...spec });
const tcp = (number: number) => ({ protocols: [{ tcp: { destinationPort: { number } } }] });

/** As the upstream suite of the cluster-wide API has them, with NetworkPolicies of namespace x. */
const CLUSTER_CASES: readonly (readonly [name: string, policies: readonly ClusterSpec[], ...specs: Spec[]])[] = [
  ['Admin denies ingress', [admin({ ingress: [{ action: 'Deny', ...fromY }] })]],
  ['Admin denies egress', [admin({ egress: [{ action: 'Deny', ...toY }] })]],
  [
    'the first rule decides',
    [
      admin({
        ingress: [
          { action: 'Accept', ...fromY, ...tcp(80) },
          { action: 'Deny', ...fromY },
        ],
      }),
    ],
  ],
  [
    'the lower priority number decides',
    [admin({ ingress: [{ action: 'Deny', ...fromY }] }, 20), admin({ ingress: [{ action: 'Accept', ...fromY }] }, 5)],
  ],
  [
    'Admin accepts what a NetworkPolicy denies',
    [admin({ ingress: [{ action: 'Accept', ...fromY }] })],
    { podSelector: {}, policyTypes: both },
  ],
  [
    'Admin passes to NetworkPolicies, and these decide before Baseline',
    [
      admin({
        ingress: [
          { action: 'Pass', ...fromY },
          { action: 'Deny', from: [{ namespaces: {} }] },
        ],
      }),
      baseline({ ingress: [{ action: 'Deny', ...fromY }] }),
    ],
    { podSelector: A, ingress: [{ from: [{ namespaceSelector: ns('y') }], ports: [{ port: 80 }] }] },
  ],
  ['Baseline denies where no NetworkPolicy selects', [baseline({ egress: [{ action: 'Deny', ...toY, ...tcp(81) }] })]],
  [
    'networks, a range of ports, a name, and pods of a subject',
    [
      admin({
        subject: { pods: { namespaceSelector: {}, podSelector: pod('a', 'b') } },
        egress: [
          { action: 'Pass', to: [{ networks: ['10.0.0.4/32'] }] },
          { action: 'Deny', to: [{ networks: [X, 'fd00::/112'] }], ...tcp(80) },
          {
            action: 'Deny',
            to: [{ pods: { podSelector: pod('c') } }],
            protocols: [{ destinationNamedPort: 'serve-80-udp' }],
          },
          { action: 'Deny', ...toY, protocols: [{ tcp: { destinationPort: { range: { start: 81, end: 90 } } } }] },
        ],
      }),
    ],
  ],
  [
    'a pod reaches itself',
    [admin({ subject: { namespaces: {} }, ingress: [{ action: 'Deny', from: [{ namespaces: {} }] }] })],
  ],
];

function objectsOf(specs: readonly Spec[]): ApiObjects {
  const names = PORTS.flatMap((port) => ['TCP', 'UDP', 'SCTP'].map((protocol) => ({ port, protocol })));
  const ports = names.map(({ port, protocol }) => ({
    name: `serve-${port}-${protocol.toLowerCase()}`,
    containerPort: port,
    protocol,
  }));
  return {
    namespaces: NAMESPACES.map((name) => ({
      metadata: { name, labels: { ns: name, 'kubernetes.io/metadata.name': name } },
    })),
    pods: ADDRESSES.map((ips, i) => ({
      metadata: {
        ...{ namespace: NAMESPACES[i % 3]!, name: PODS[Math.floor(i / 3)]!, uid: `uid-${i}` },
        labels: { pod: PODS[Math.floor(i / 3)]! },
      },
      spec: { containers: [{ ports }] },
      status: { phase: 'Running', podIPs: ips.map((ip) => ({ ip })) },
    })),
    policies: specs.map((spec, i) => ({ metadata: { namespace: 'x', name: `policy-${i}` }, spec })),
  };
}

describe('network policies of one node', () => {
  const lab = usePolicyLab(ADDRESSES, TEST_TIMEOUT_MS);

  /** Those that the kernel decides otherwise than the oracle. */
  async function wrong(
    objects: ApiObjects,
    flows: readonly Omit<Probe & { from: number }, 'expected'>[],
  ): Promise<string[]> {
    const mistakes = await Promise.all(
      ADDRESSES.map(async (ips, from) => {
        const probes = flows
          .filter((flow) => flow.from === from)
          .map(({ protocol, host, port }): Probe => {
            const source = ips.find((ip) => ip.includes(':') === host.includes(':'))!;
            return {
              protocol,
              host,
              port,
              expected: oracleAllows(objects, { source, destination: host, protocol, port }),
            };
          });
        const answers = await lab.pods[from]!.ask(probes);
        return probes
          .filter(({ expected }, i) => expected !== answers[i])
          .map((probe) => `${ips.join()} ${JSON.stringify(probe)}`);
      }),
    );
    return mistakes.flat();
  }

  /** What is answered although the oracle denies it. */
  async function opened(objects: ApiObjects): Promise<string[]> {
    const answers = await Promise.all(
      ADDRESSES.map(async (ips, from) => {
        const denied = everyFlow.filter(
          ({ from: sender, host, protocol, port }) =>
            sender === from &&
            !oracleAllows(objects, {
              source: ips[host.includes(':') ? 1 : 0]!,
              ...{ destination: host, protocol, port },
            }),
        );
        const passed = await lab.pods[from]!.ask(denied.map((flow) => ({ ...flow, expected: false })));
        return denied.filter((_, i) => passed[i]).map((flow) => JSON.stringify(flow));
      }),
    );
    return answers.flat();
  }

  const everyFlow = ADDRESSES.flatMap((_, from) =>
    ADDRESSES.flat().flatMap((host) =>
      [
        ...PORTS.map((port) => ({ protocol: 'TCP', port })),
        ...['UDP', 'SCTP'].map((protocol) => ({ protocol, port: 80 })),
      ].map((what) => ({ from, host, ...what })),
    ),
  );

  it.each(CASES)(
    'are kept: %s',
    async (_, ...specs) => {
      const objects = objectsOf(specs);
      const table = compilerOf(objects).compile();
      await lab.table.enforce(table);
      expect(await wrong(objects, everyFlow)).toEqual([]);
      if (specs.length > 0 && table.chains.size > 0) expect(await lab.table.difference(table)).toBeNull();
    },
    TEST_TIMEOUT_MS,
  );

  it.each(CLUSTER_CASES)(
    'are kept with cluster-wide ones: %s',
    async (_, specs, ...namespaced) => {
      const clusterPolicies = specs.map((spec, i) => ({ metadata: { name: `cluster-${i}` }, spec }));
      const objects = { ...objectsOf(namespaced), clusterPolicies };
      const table = compilerOf(objects).compile();
      await lab.table.enforce(table);
      expect(await wrong(objects, everyFlow)).toEqual([]);
      expect(await lab.table.difference(table)).toBeNull();
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'are kept in random clusters',
    async () => {
      const shape = { ...SMALL_CLUSTER, pods: 9, addresses: (i: number) => ADDRESSES[i]!, withOthers: false };
      for (let seed = 1; seed <= RANDOM_CLUSTERS; seed++) {
        const dice = new Dice(seed);
        const objects = randomCluster(dice, shape);
        const table = compilerOf(objects).compile();
        await lab.table.enforce(table);
        const flows = Array.from({ length: RANDOM_FLOWS }, () => randomFlow(dice, objects));
        const probes = flows
          .map(({ source, destination: host, ...flow }) => ({
            ...flow,
            host,
            from: ADDRESSES.findIndex((ips) => ips.includes(source)),
          }))
          .filter(({ host, port }) => ADDRESSES.flat().includes(host) && PORTS.includes(port));
        expect([seed, await wrong(objects, probes)]).toEqual([seed, []]);
        if (table.chains.size > 0) expect([seed, await lab.table.difference(table)]).toEqual([seed, null]);
      }
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'cut connections that they no longer allow, and let the others go on, when labels of a pod change',
    async () => {
      const objects = objectsOf([ingress({ podSelector: { matchLabels: { role: 'client' } } })]);
      const [client, other] = [objects.pods[3]!, objects.pods[6]!];
      for (const each of [client, other]) each.metadata.labels['role'] = 'client';
      const compiler = compilerOf(objects);
      await lab.table.enforce(compiler.compile());
      const ask = async (from: number, protocol: string, expected: boolean) =>
        (await lab.pods[from]!.ask(ADDRESSES[0]!.map((host) => ({ protocol, host, port: 80, expected })))).join();
      for (const from of [3, 6]) expect(await ask(from, 'keep', true)).toBe('true,true');
      client.metadata.labels['role'] = 'none';
      compiler.putPod(parsePod(client));
      attachAll(compiler);
      await lab.table.enforce(compiler.compile());
      expect(await ask(3, 'kept', false)).toBe('false,false');
      expect(await ask(6, 'kept', true)).toBe('true,true');
      client.metadata.labels['role'] = 'client';
      compiler.putPod(parsePod(client));
      await lab.table.enforce(compiler.compile());
      expect(await ask(3, 'kept', true)).toBe('true,true');
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'let ICMP errors pass as the connection that they quote, and an isolated pod send them about its own connections only',
    async () => {
      const [server, client, other] = [0, 3, 6];
      const objects = objectsOf([
        { podSelector: A, ingress: [{ from: [{ podSelector: pod('b') }], ports: [{ protocol: 'UDP', port: 80 }] }] },
        { podSelector: pod('c'), policyTypes: ['Egress'] },
      ]);
      await lab.table.enforce(compilerOf(objects).compile());
      for (const family of [0, 1]) {
        const [to, from] = [ADDRESSES[server]![family]!, ADDRESSES[client]![family]!];
        const python = (sender: number, ...args: string[]) =>
          lab.pods[sender]!.namespace.run('python3', ['-c', QUOTE, ...args, from, to]);
        const hears = async (receiver: number, sender: number, error: string): Promise<boolean> => {
          const before = await unreachables(lab.pods[receiver]!);
          await python(sender, error);
          return (await unreachables(lab.pods[receiver]!)) > before;
        };
        await python(client, 'ask');
        expect([family, await hears(server, client, 'about the answer')]).toEqual([family, true]);
        expect([family, await hears(client, server, 'about the question')]).toEqual([family, true]);
        expect([family, await hears(client, other, 'about the question')]).toEqual([family, false]);
        objects.pods[client]!.metadata.labels['pod'] = 'none';
        await lab.table.enforce(compilerOf(objects).compile());
        expect([family, await hears(server, client, 'about the answer')]).toEqual([family, false]);
        expect([family, await hears(client, server, 'about the question')]).toEqual([family, false]);
        objects.pods[client]!.metadata.labels['pod'] = 'b';
        await lab.table.enforce(compilerOf(objects).compile());
      }
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'are kept beside tables of others that accept earlier, or exempt packets from connection tracking',
    async () => {
      const objects = objectsOf([
        { podSelector: A, policyTypes: both, ingress: [{ from: [{ podSelector: pod('b') }] }] },
      ]);
      await lab.table.enforce(compilerOf(objects).compile());
      const accepting = (hook: string, priority: number) =>
        `chain ${hook} { type filter hook ${hook} priority ${priority}; policy accept; accept; }`;
      const foreign = {
        accept: [accepting('prerouting', -310), accepting('forward', -300), accepting('postrouting', 0)].join('\n'),
        notrack: 'chain raw { type filter hook prerouting priority -300; notrack; }',
      };
      for (const [name, chains] of Object.entries(foreign)) {
        await lab.node.run('nft', ['-f', '-'], `table inet foreign {\n${chains}\n}`);
        const mistakes = await opened(objects);
        const allowed = { protocol: 'TCP', host: ADDRESSES[0]![0]!, port: 80, expected: name === 'accept' };
        expect([name, await lab.pods[3]!.ask([allowed])]).toEqual([name, [allowed.expected]]);
        await lab.node.run('nft', ['delete', 'table', 'inet', 'foreign']);
        expect([name, mistakes]).toEqual([name, []]);
      }
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'are kept when a policy, labels of a namespace and labels of pods are updated, and end when the policy is deleted',
    async () => {
      const objects = objectsOf([ingress({ namespaceSelector: { matchLabels: { team: 'blue' } } })]);
      const isKept = async (what: string) => {
        await lab.table.enforce(compilerOf(objects).compile());
        expect([what, await wrong(objects, everyFlow)]).toEqual([what, []]);
      };
      await isKept('nobody is allowed');
      objects.namespaces[1]!.metadata.labels['team'] = 'blue';
      await isKept('ingress from an updated namespace');
      objects.policies[0]!.spec = ingress({ namespaceSelector: {}, podSelector: { matchLabels: { role: 'client' } } });
      await isKept('an updated policy');
      objects.pods[5]!.metadata.labels['role'] = 'client';
      await isKept('ingress from an updated pod');
      objects.pods[0]!.metadata.labels['pod'] = 'b';
      objects.pods[3]!.metadata.labels['pod'] = 'a';
      await isKept('ingress denied to an updated pod');
      objects.policies.pop();
      await isKept('a deleted policy');
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'are those before or those after a change whose nft is killed, never a part of it',
    async () => {
      const before = compilerOf(objectsOf([{ podSelector: {}, policyTypes: both }])).compile();
      const blocks = Array.from({ length: LARGE_CHANGE_BLOCKS }, (_, i) => ({
        ipBlock: { cidr: `10.${1 + (i >> 8)}.${i & 255}.0/25` },
      }));
      const after = compilerOf(objectsOf([ingress(...blocks)])).compile();
      const change = tableCommands({ wanted: after, installed: asInstalled(before), onlyAdd: false })!;
      const folder = mkdtempSync(join(tmpdir(), 'heddle-nft-'));
      const file = join(folder, 'change.json');
      writeFileSync(file, change);
      const states: string[] = [];
      let wholeMs = 0;
      for (let kill = KILLS; kill >= 0; kill--) {
        lab.table.forget();
        await lab.table.enforce(before);
        const startedMs = performance.now();
        const nft = lab.node.spawn('nft', ['-j', '-f', file], 'ignore');
        const over = once(nft, 'exit');
        if (kill < KILLS) {
          await delay((wholeMs * kill) / KILLS);
          nft.kill('SIGKILL');
        }
        await over;
        if (kill === KILLS) wholeMs = performance.now() - startedMs;
        const isBefore = (await lab.table.difference(before)) === null;
        states.push(isBefore ? 'before' : (await lab.table.difference(after)) === null ? 'after' : 'a part');
      }
      rmSync(folder, { recursive: true });
      expect(states[0]).toBe('after');
      expect(states.at(-1)).toBe('before');
      expect(states).not.toContain('a part');
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'let the node reach its pods, count what they drop, and leave no hook when there are none',
    async () => {
      const objects = objectsOf([{ podSelector: {}, policyTypes: both }]);
      const table = compilerOf(objects).compile();
      await lab.table.enforce(table);
      for (const [host, size] of [
        [ADDRESSES[0]![0]!, 1],
        [ADDRESSES[0]![1]!, 1],
      ] as const) {
        await lab.node.run('ping', ['-c', String(size), '-W', '5', host]);
      }
      await wrong(objects, [{ from: 1, protocol: 'UDP', host: ADDRESSES[0]![0]!, port: 80 }]);
      const [ingressCounter] = [...table.counters].find(([, { direction }]) => direction === 'ingress')!;
      const counter = await lab.node.run('nft', ['list', 'counter', 'inet', 'heddle-policy', ingressCounter]);
      expect(Number(/packets (\d+)/.exec(counter)![1])).toBeGreaterThan(0);
      await lab.table.enforce(compilerOf(objectsOf([])).compile());
      expect(await lab.node.run('nft', ['list', 'ruleset'])).not.toContain('hook');
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'are seen to be damaged when others changed the table',
    async () => {
      const table = compilerOf(objectsOf([ingress({ podSelector: pod('b') })])).compile();
      const [chain] = [...table.chains.keys()];
      const damage = [
        // Its hooks are off.
        'add table inet heddle-policy { flags dormant; }',
        // Of others, under our name.
        'delete table inet heddle-policy; add table inet heddle-policy; add chain inet heddle-policy forward',
        `add chain inet heddle-policy other { type filter hook forward priority -5; }; add rule inet heddle-policy other accept`,
        `flush chain inet heddle-policy ${chain}`,
        `insert rule inet heddle-policy ${chain} accept`,
        'flush chain inet heddle-policy forward',
        'flush map inet heddle-policy ingress4',
        `add element inet heddle-policy ${[...table.sets.keys()].find((name) => name.startsWith('p-') && name.endsWith('4'))} { 10.9.9.9 }`,
      ];
      for (const command of damage) {
        await lab.table.enforce(table);
        expect(await lab.table.difference(table)).toBeNull();
        await lab.node.run('nft', ['-f', '-'], command);
        const repair = await lab.table.difference(table);
        expect([command, repair]).not.toEqual([command, null]);
        await lab.node.run('nft', ['-j', '-f', '-'], repair!);
        expect([command, await lab.table.difference(table)]).toEqual([command, null]);
      }
    },
    TEST_TIMEOUT_MS,
  );
});

/** ICMP errors "destination unreachable" that the pod has received, of both families. */
async function unreachables({ namespace }: PolicyPod): Promise<number> {
  const [names = '', values = ''] = (await namespace.run('grep', ['^Icmp:', '/proc/net/snmp'])).split('\n');
  const v4 = Number(values.split(' ')[names.split(' ').indexOf('InDestUnreachs')]);
  const v6 = /Icmp6InDestUnreachs\s+(\d+)/.exec(await namespace.run('cat', ['/proc/net/snmp6']));
  return v4 + Number(v6![1]);
}

/** A question by UDP, from port 5555 of a client to port 80 of a server, or an ICMP error that quotes one of its packets. */
const QUOTE = `
import socket, struct, sys
what, client, server = sys.argv[1:4]
is6 = ':' in client
family = socket.AF_INET6 if is6 else socket.AF_INET
if what == 'ask':
    s = socket.socket(family, socket.SOCK_DGRAM); s.bind((client, 5555)); s.settimeout(1)
    for _ in range(30):
        s.sendto(b'?', (server, 80))
        try: s.recv(9); sys.exit(0)
        except TimeoutError: pass
    sys.exit('no answer')
a, b, ports = (client, server, (5555, 80)) if what == 'about the question' else (server, client, (80, 5555))
raw = [socket.inet_pton(family, x) for x in (a, b)]
udp = struct.pack('!HHHH', *ports, 16, 0) + b'covertly'
if is6: quoted = struct.pack('!IHBB', 6 << 28, len(udp), 17, 63) + raw[0] + raw[1] + udp
else: quoted = struct.pack('!BBHHHBBH', 0x45, 0, 20 + len(udp), 1, 0, 63, 17, 0) + raw[0] + raw[1] + udp
error = struct.pack('!BBHI', 1 if is6 else 3, 4 if is6 else 3, 0, 0) + quoted
total = sum(struct.unpack('!%dH' % (len(error) // 2), error))
while total >> 16: total = (total & 0xffff) + (total >> 16)
if not is6: error = error[:2] + struct.pack('!H', ~total & 0xffff) + error[4:]
s = socket.socket(family, socket.SOCK_RAW, 58 if is6 else 1)
s.sendto(error, (a, 0))
`;
