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
import { serviceRules } from './service-rules.js';
import type { RuleStyle, Service } from './service-rules.js';

const ECHO = resolve('test/net/echo.mjs');
const PORT = 7000;
const HOST_PORT = 7001;
const NODE_PORT = 30_080;
const TEST_TIMEOUT_MS = 60_000;
const BRIDGE_NF = ['iptables', 'ip6tables'].map((name) => `/proc/sys/net/bridge/bridge-nf-call-${name}`);
const FAMILIES = ['4', '6'] as const;
type Family = (typeof FAMILIES)[number];

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
});

function underlayOf({ plan }: DemoNode, family: Family): string {
  return family === '4' ? plan.underlayV4 : plan.underlayV6;
}

function service(family: Family, number: number, backend: string, backendPort: number, nodePort = 0): Service {
  const clusterIp = family === '4' ? `10.96.0.${number}` : `fd96::${number}`;
  return { clusterIp, port: 80, backend, backendPort, nodePort };
}

async function install(node: DemoNode, style: RuleStyle, family: Family, services: readonly Service[]): Promise<void> {
  for (const table of ['ip kube-proxy', 'ip6 kube-proxy', 'ip nat', 'ip6 nat']) {
    await node.namespace.run('nft', ['-f', '-'], `add table ${table}\ndelete table ${table}\n`);
  }
  const { program, args, input } = serviceRules(style, family, services);
  await node.namespace.run(program, args, input);
}

async function setBridgeNf(node: DemoNode, value: string): Promise<void> {
  if (value !== 'absent') await node.namespace.run('tee', BRIDGE_NF, value);
}

async function serve(namespace: NetworkNamespace, port: number): Promise<ChildProcess> {
  const server = namespace.spawn(process.execPath, [ECHO, 'serve', String(port)], ['ignore', 'pipe', 'inherit']);
  await once(server.stdout!, 'data');
  return server;
}

async function ask(from: NetworkNamespace, protocol: string, host: string, port: number): Promise<unknown> {
  return JSON.parse(await from.run(process.execPath, [ECHO, 'ask', protocol, host, String(port)]));
}

function addressOf({ ips }: Pod, family: Family): string {
  return ips.find((ip) => ip.includes(':') === (family === '6'))!;
}

function gatewayIn({ plan }: DemoNode, family: Family): string {
  return gatewayOf(parseCidr(plan.podCidrs.find((cidr) => cidr.includes(':') === (family === '6'))!));
}
