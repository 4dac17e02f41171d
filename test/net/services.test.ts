/**
 * Services as kube-proxy writes them, on a cluster of two nodes: answers come from the Service's address and the backend sees
 * the address of its client, whatever `bridge-nf-call-iptables` is. Needs root and a build.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { gatewayOf, parseCidr } from '../../common/address/cidr.js';
import type { Pod } from '../../deploy/demo/cluster/cluster.js';
import type { DemoNode } from '../../deploy/demo/cluster/demo-node.js';
import type { NetworkNamespace } from '../../deploy/demo/machine/network-namespace.js';
import { useCluster } from './cluster-fixture.js';
import { oracleAllows } from '../../policy/testing/oracle.js';
import { PolicyTableInKernel } from './policy-table-in-kernel.js';
import { denyAll, fromBlock, fromPods, objectsWith, onlyTo, tableOf } from './service-policies.js';
import { serviceRules } from './service-rules.js';
import type { RuleStyle, Service } from './service-rules.js';

const ECHO = resolve('test/net/echo.mjs');
const PORT = 7000;
const HOST_PORT = 7001;
const NODE_PORT = 30_080;
const TEST_TIMEOUT_MS = 60_000;
/** Of an answer that has to come, on a machine under load; of one that must not. */
const ANSWERED_WITHIN_MS = 10_000;
const SILENT_FOR_MS = 500;
const BRIDGE_NF = ['iptables', 'ip6tables'].map((name) => `/proc/sys/net/bridge/bridge-nf-call-${name}`);
const FAMILIES = ['4', '6'] as const;
type Family = (typeof FAMILIES)[number];

interface Asked {
  readonly host: string;
  readonly port: number;
  readonly isAllowed: boolean;
}

describe('Services on a cluster of two nodes', () => {
  const cluster = useCluster({ nodes: 2, podsPerNode: 2 });
  const servers: ChildProcess[] = [];

  beforeAll(async () => {
    const { pods, nodes } = cluster.get();
    for (const { namespace } of pods) servers.push(await serve(namespace, PORT));
    for (const { namespace } of nodes) servers.push(await serve(namespace, HOST_PORT));
  }, TEST_TIMEOUT_MS);
  afterAll(() => servers.forEach((server) => server.kill()));

  const styles = ['nft', 'iptables'] as const;
  const bridgeSettings = existsSync(BRIDGE_NF[0]!) ? ['0', '1'] : ['absent'];
  const cases = styles.flatMap((style) =>
    bridgeSettings.flatMap((bridgeNf) => FAMILIES.map((family) => [style, bridgeNf, family] as const)),
  );

  it.each(cases)(
    'are served by local, remote and host backends, with %s rules, bridge-nf-call %s, IPv%s',
    async (style, bridgeNf, family) => {
      const { pods, nodes } = cluster.get();
      const [first, second] = nodes as [DemoNode, DemoNode];
      const [a, neighbour] = pods.filter(({ node }) => node === first) as [Pod, Pod];
      const [b] = pods.filter(({ node }) => node === second) as [Pod];
      await setBridgeNf(first, bridgeNf);
      const [mine, near, far] = [a, neighbour, b].map((pod) => addressOf(pod, family)) as [string, string, string];
      const [host, node] = [second, first].map((each) => underlayOf(each, family)) as [string, string];
      const services: Service[] = [
        service(family, 1, near, PORT),
        service(family, 2, far, PORT, NODE_PORT),
        service(family, 3, mine, PORT),
        service(family, 4, host, HOST_PORT),
      ];
      await install(first, style, family, services);
      const gateway = gatewayIn(first, family);
      // Hairpin, and the node to its own pod: the address of the node that the kernel takes.
      const ofNode = [gateway, first.plan.underlayV4, first.plan.underlayV6].map((seen) => ({ seen }));
      for (const protocol of ['tcp', 'udp']) {
        const askFrom = (from: NetworkNamespace, address: string, port = 80) => ask(from, protocol, address, port);
        const toService = (from: NetworkNamespace, index: number) => askFrom(from, services[index]!.clusterIp);
        expect(await toService(a.namespace, 0)).toEqual({ seen: mine });
        expect(await toService(a.namespace, 1)).toEqual({ seen: mine });
        expect(ofNode).toContainEqual(await toService(a.namespace, 2));
        expect(await toService(first.namespace, 1)).toEqual({ seen: gateway });
        expect(ofNode).toContainEqual(await toService(first.namespace, 0));
        expect(await toService(a.namespace, 3)).toEqual({ seen: node });
        expect(await askFrom(second.namespace, node, NODE_PORT)).toEqual({ seen: gateway });
      }
    },
    TEST_TIMEOUT_MS,
  );

  it.each(cases)(
    'keep externalTrafficPolicy: Local, with %s rules, bridge-nf-call %s, IPv%s',
    async (style, bridgeNf, family) => {
      const { pods, nodes } = cluster.get();
      const [first, second] = nodes as [DemoNode, DemoNode];
      const [a, neighbour] = pods.filter(({ node }) => node === first) as [Pod, Pod];
      const [b] = pods.filter(({ node }) => node === second) as [Pod];
      await setBridgeNf(first, bridgeNf);
      const [here, there] = [first, second].map((node) => underlayOf(node, family)) as [string, string];
      const clusterCidr = cluster.get().plan.clusterCidrs.find((cidr) => cidr.includes(':') === (family === '6'))!;
      const local = (hasBackend: boolean) => ({ local: { hasBackend, clusterCidr } });
      await install(first, style, family, [
        { ...service(family, 5, addressOf(a, family), PORT, NODE_PORT), ...local(true) },
        { ...service(family, 6, addressOf(b, family), PORT, NODE_PORT + 1), ...local(false) },
      ]);
      const gateway = gatewayIn(first, family);
      const seenBy = (from: NetworkNamespace, protocol: string, port: number) => ask(from, protocol, here, port);
      for (const protocol of ['tcp', 'udp']) {
        expect(await seenBy(second.namespace, protocol, NODE_PORT)).toEqual({ seen: there });
        // To an address outside the cluster, so masqueraded by its own node.
        expect(await seenBy(b.namespace, protocol, NODE_PORT)).toEqual({ seen: there });
        for (const port of [NODE_PORT, NODE_PORT + 1]) {
          expect(await seenBy(neighbour.namespace, protocol, port)).toEqual({ seen: addressOf(neighbour, family) });
        }
        expect([gateway, here]).toContain(
          ((await seenBy(first.namespace, protocol, NODE_PORT)) as { seen: string }).seen,
        );
        expect(await seenBy(first.namespace, protocol, NODE_PORT + 1)).toEqual({ seen: gateway });
        expect(await seenBy(second.namespace, protocol, NODE_PORT + 1)).toMatchObject({ error: 'ECONNREFUSED' });
      }
    },
    TEST_TIMEOUT_MS,
  );

  it.each(FAMILIES)(
    'are subject to network policies of their backends and clients, behind the translation, IPv%s',
    async (family) => {
      const { pods, nodes, plan } = cluster.get();
      const [first, second] = nodes as [DemoNode, DemoNode];
      const [a, neighbour] = pods.filter(({ node }) => node === first) as [Pod, Pod];
      const [b] = pods.filter(({ node }) => node === second) as [Pod];
      const [mine, near, far] = [a, neighbour, b].map((pod) => addressOf(pod, family)) as [string, string, string];
      const [here, there] = [first, second].map((node) => underlayOf(node, family)) as [string, string];
      const clusterCidr = plan.clusterCidrs.find((cidr) => cidr.includes(':') === (family === '6'))!;
      const services: Service[] = [
        service(family, 1, near, PORT, NODE_PORT),
        service(family, 2, far, PORT, NODE_PORT + 1),
        { ...service(family, 3, near, PORT, NODE_PORT + 2), local: { hasBackend: true, clusterCidr } },
        service(family, 4, mine, PORT),
      ];
      await install(first, 'nft', family, services);
      const [toNear, toFar, , toMine] = services.map(({ clusterIp }) => clusterIp) as [string, string, string, string];
      const gateway = gatewayIn(first, family);
      /** Client, address and port that it asks, and the source that policies see; null: allowed whatever they say. */
      const flows: readonly (readonly [
        from: NetworkNamespace,
        host: string,
        port: number,
        source: string | null,
        backend: string,
      ])[] = [
        [a.namespace, toNear, 80, mine, near],
        [a.namespace, toFar, 80, mine, far],
        [a.namespace, here, NODE_PORT, mine, near],
        [second.namespace, here, NODE_PORT, there, near],
        [second.namespace, here, NODE_PORT + 1, gateway, far],
        [second.namespace, here, NODE_PORT + 2, there, near],
        [b.namespace, here, NODE_PORT + 2, there, near],
        [a.namespace, toMine, 80, null, mine],
        [first.namespace, near, PORT, null, near],
        [first.namespace, toNear, 80, null, near],
        [second.namespace, far, PORT, null, far],
      ];
      const tables = nodes.map((node) => new PolicyTableInKernel(node.namespace));
      const enforce = (specs: Parameters<typeof objectsWith>[1]) =>
        Promise.all(nodes.map((node, i) => tables[i]!.enforce(tableOf(node, pods, objectsWith(pods, specs)))));
      const clusters = [
        [denyAll],
        [fromBlock(there)],
        [fromBlock(gateway)],
        [fromPods(a.name), onlyTo(a.name, neighbour.name)],
      ];
      for (const specs of clusters) {
        await enforce(specs);
        const objects = objectsWith(pods, specs);
        const asked = flows.map(([from, host, port, source, destination]) => ({
          ...{ from, host, port },
          isAllowed: source === null || oracleAllows(objects, { source, destination, protocol: 'TCP', port: PORT }),
        }));
        const wrong = [a.namespace, b.namespace, first.namespace, second.namespace].map(async (client) => {
          const ofClient = asked.filter(({ from }) => from === client);
          const answers = await areAnswered(client, ofClient);
          return ofClient.filter(({ isAllowed }, i) => isAllowed !== answers[i]);
        });
        expect([specs, (await Promise.all(wrong)).flat()]).toEqual([specs, []]);
      }
      await enforce([]);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'keep a client at one backend (session affinity), as kube-proxy writes it for nft',
    async () => {
      const { pods, nodes } = cluster.get();
      const [a, neighbour] = pods.filter(({ node }) => node === nodes[0]) as [Pod, Pod];
      const [b] = pods.filter(({ node }) => node === nodes[1]) as [Pod];
      const { namespace } = nodes[0]!;
      const backends = [neighbour, b].map((pod) => `${addressOf(pod, '4')}:${PORT}`);
      await clearRules(nodes[0]!);
      await namespace.run('nft', ['-f', '-'], affinityRules('10.96.0.9', backends));
      for (let i = 0; i < 6; i++) {
        expect(await ask(a.namespace, 'tcp', '10.96.0.9', 80)).toEqual({ seen: addressOf(a, '4') });
      }
      const listing = JSON.parse(await namespace.run('nft', ['-j', 'list', 'counters', 'ip'])) as {
        readonly nftables: readonly { readonly counter?: { readonly table: string; readonly packets: number } }[];
      };
      const packets = listing.nftables.flatMap(({ counter }) =>
        counter?.table === 'kube-proxy' ? [counter.packets] : [],
      );
      expect(packets.sort((one, other) => one - other)).toEqual([0, 6]);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'leave a pod its DNS cache at a link-local address of the node (169.254.20.10), untracked',
    async () => {
      const { pods, nodes } = cluster.get();
      const { namespace } = nodes[0]!;
      const [a] = pods.filter(({ node }) => node === nodes[0]) as [Pod];
      await namespace.ip('link', 'add', 'nodelocaldns', 'type', 'bridge');
      try {
        await namespace.ip('address', 'add', `${DNS_CACHE}/32`, 'dev', 'nodelocaldns');
        await namespace.run('nft', ['-f', '-'], DNS_CACHE_RULES);
        servers.push(await serve(namespace, DNS_PORT, DNS_CACHE));
        for (const protocol of ['udp', 'tcp']) {
          expect(await ask(a.namespace, protocol, DNS_CACHE, DNS_PORT)).toEqual({ seen: addressOf(a, '4') });
        }
      } finally {
        await namespace.ip('link', 'del', 'nodelocaldns');
        await namespace.run('nft', ['delete', 'table', 'ip', 'nodelocaldns']);
      }
    },
    TEST_TIMEOUT_MS,
  );

  it('leave what pods send to the outside random ports, so that two of them do not race for one', async () => {
    const rules = await cluster
      .get()
      .nodes[0]!.namespace.run('nft', ['list', 'chain', 'inet', 'heddle', 'postrouting']);
    expect(rules.match(/masquerade.*/g)).toEqual([
      expect.stringMatching(/^masquerade fully-random /),
      expect.stringMatching(/^masquerade fully-random /),
    ]);
  });
});

/** NodeLocal DNSCache of Kubernetes: it has its address on an interface of its own, and its traffic is not tracked. */
const DNS_CACHE = '169.254.20.10';
const DNS_PORT = 53;
const DNS_CACHE_RULES = `add table ip nodelocaldns
table ip nodelocaldns {
chain prerouting {
type filter hook prerouting priority raw
ip daddr ${DNS_CACHE} meta l4proto { tcp, udp } th dport ${DNS_PORT} notrack
}
chain output {
type filter hook output priority raw
ip saddr ${DNS_CACHE} meta l4proto { tcp, udp } th sport ${DNS_PORT} notrack
}
}
`;

/** A set per backend remembers its clients for 3 hours; a new client gets a random one. */
function affinityRules(clusterIp: string, backends: readonly string[]): string {
  const parts = backends.flatMap((backend, i) => [
    `counter served${i} {\n}`,
    `set clients${i} {\ntype ipv4_addr\nflags dynamic,timeout\ntimeout 10800s\n}`,
    `chain backend${i} {\nupdate @clients${i} { ip saddr }\ncounter name served${i}\nmeta l4proto tcp dnat to ${backend}\n}`,
  ]);
  const known = backends.map((_, i) => `ip saddr @clients${i} goto backend${i}`);
  const random = backends.map((_, i) => `${i} : goto backend${i}`).join(', ');
  return [
    'table ip kube-proxy {',
    ...parts,
    `chain affinity {\n${known.join('\n')}\nnumgen random mod ${backends.length} vmap { ${random} }\n}`,
    'chain prerouting {\ntype nat hook prerouting priority dstnat',
    `ip daddr ${clusterIp} tcp dport 80 goto affinity\n}`,
    '}\n',
  ].join('\n');
}

function underlayOf({ plan }: DemoNode, family: Family): string {
  return family === '4' ? plan.underlayV4 : plan.underlayV6;
}

function service(family: Family, number: number, backend: string, backendPort: number, nodePort = 0): Service {
  const clusterIp = family === '4' ? `10.96.0.${number}` : `fd96::${number}`;
  return { clusterIp, port: 80, backend, backendPort, nodePort };
}

async function install(node: DemoNode, style: RuleStyle, family: Family, services: readonly Service[]): Promise<void> {
  await clearRules(node);
  const { program, args, input } = serviceRules(style, family, services);
  await node.namespace.run(program, args, input);
}

async function clearRules(node: DemoNode): Promise<void> {
  for (const table of ['ip kube-proxy', 'ip6 kube-proxy', 'ip nat', 'ip6 nat']) {
    await node.namespace.run('nft', ['-f', '-'], `add table ${table}\ndelete table ${table}\n`);
  }
}

async function setBridgeNf(node: DemoNode, value: string): Promise<void> {
  if (value !== 'absent') await node.namespace.run('tee', BRIDGE_NF, value);
}

async function serve(namespace: NetworkNamespace, port: number, address = '::'): Promise<ChildProcess> {
  const server = namespace.spawn(
    process.execPath,
    [ECHO, 'serve', String(port), address],
    ['ignore', 'pipe', 'inherit'],
  );
  await once(server.stdout!, 'data');
  return server;
}

async function ask(from: NetworkNamespace, protocol: string, host: string, port: number): Promise<unknown> {
  return JSON.parse(await from.run(process.execPath, [ECHO, 'ask', protocol, host, String(port)]));
}

/** Whether each was answered, in this order. */
async function areAnswered(from: NetworkNamespace, asked: readonly Asked[]): Promise<boolean[]> {
  const args = asked.flatMap(({ host, port, isAllowed }) => [
    ...['tcp', host, String(port)],
    String(isAllowed ? ANSWERED_WITHIN_MS : SILENT_FOR_MS),
  ]);
  const lines = (await from.run(process.execPath, [ECHO, 'ask', ...args])).trim().split('\n');
  return lines.map((line) => 'seen' in (JSON.parse(line) as object));
}

function addressOf({ ips }: Pod, family: Family): string {
  return ips.find((ip) => ip.includes(':') === (family === '6'))!;
}

function gatewayIn({ plan }: DemoNode, family: Family): string {
  return gatewayOf(parseCidr(plan.podCidrs.find((cidr) => cidr.includes(':') === (family === '6'))!));
}
