/** Heddle as it is installed: `meshd` on every node, its real handshake, pods attached by the CNI executable. */
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Status } from '../../../common/api.js';
import { BenchError } from '../../../common/errors.js';
import { mapBounded } from '../../../deploy/demo/async/map-bounded.js';
import { ContainerRuntime } from '../../../deploy/demo/cluster/container-runtime.js';
import { DemoNode } from '../../../deploy/demo/cluster/demo-node.js';
import type { NetworkNamespace } from '../../../deploy/demo/machine/network-namespace.js';
import { waitUntil } from '../../../deploy/demo/async/wait-until.js';
import type { Lab } from '../lab.js';
import type { Node } from '../node-pair.js';
import { createPod } from './overlay.js';
import type { BringUp, Ends } from './overlay.js';

const SECRET_BYTES = 32;
const CLUSTER_CIDR = '10.32.0.0/16';
/** Bound on nodes started at once: with more, the processors are too busy to answer path MTU probes in time. */
const STARTS_AT_ONCE = 2;
/** The path MTU search takes a second; before it ends, datagrams are smaller and the figures lower. */
const PATH_MTU_TIMEOUT_MS = 15_000;

export interface HeddleBuild {
  /** Folder of the built programs. */
  readonly distDir: string;
  /** Called with the name of the AEAD engine that the router chose. */
  readonly onEngine: (name: string) => void;
}

interface Pod {
  readonly namespace: NetworkNamespace;
  readonly address: string;
}

/** One pod on each node, in the order of the nodes. */
export interface HeddleNetwork {
  readonly nodes: readonly DemoNode[];
  /** From the pod of the first node to the pod of each other node. */
  readonly ends: readonly Ends[];
  readonly podMtuBytes: number;
}

export function bringUpHeddle(build: HeddleBuild): BringUp {
  return async (lab, pair) => (await bringUpNetwork(build, lab, pair.nodes, pair.mtuBytes)).ends[0]!;
}

/** @param sites at least two; the whole path MTU from the first to each of the others has been found */
export async function bringUpNetwork(
  build: HeddleBuild,
  lab: Lab,
  sites: readonly Node[],
  mtuBytes: number,
): Promise<HeddleNetwork> {
  const nodes = createNodes(lab, sites, build.distDir);
  const [status] = await startAll(lab, nodes);
  const pods: Pod[] = [];
  for (const [i, node] of nodes.entries()) pods.push(await attachPod(lab, sites[i]!, node));
  const [first, ...others] = nodes as [DemoNode, ...DemoNode[]];
  await Promise.all(others.map((node) => waitWholePath(first, node, mtuBytes)));
  build.onEngine(engineOf(first));
  const { podMtuBytes } = status!;
  const [client, ...servers] = pods as [Pod, ...Pod[]];
  const ends = servers.map(({ namespace, address }) => ({
    client: client.namespace,
    server: namespace,
    serverAddress: address,
    podMtuBytes,
  }));
  return { nodes, ends, podMtuBytes };
}

/** Not started yet. */
function createNodes(lab: Lab, sites: readonly Node[], distDir: string): readonly DemoNode[] {
  const secretFile = join(lab.folder, 'cluster-secret');
  writeFileSync(secretFile, `${randomBytes(SECRET_BYTES).toString('hex')}\n`, { mode: 0o600 });
  return sites.map(
    ({ plan, namespace, address, peerAddress }) =>
      new DemoNode(plan, namespace, {
        distDir,
        folder: join(lab.folder, plan.name),
        clusterCidrs: [CLUSTER_CIDR],
        listenAddress: address,
        seeds: [peerAddress],
        secretFile,
        extraArgs: [],
      }),
  );
}

function startAll(lab: Lab, nodes: readonly DemoNode[]): Promise<Status[]> {
  let isEnding = false;
  lab.beforeClear(async () => {
    isEnding = true;
    await Promise.all(nodes.map((node) => node.stop()));
  });
  return mapBounded(nodes, STARTS_AT_ONCE, async (node) => {
    if (isEnding) throw new BenchError(`${node.name} is not started any more`);
    node.start();
    return node.waitReady();
  });
}

async function attachPod(lab: Lab, site: Node, node: DemoNode): Promise<Pod> {
  const namespace = await createPod(lab, site);
  const runtime = new ContainerRuntime(node.settings.distDir, node.cniSocket, node.deferredDeleteDir);
  const containerId = createHash('sha256').update(namespace.name).digest('hex');
  const podName = `pod${site.plan.index}`;
  const result = await runtime.call('ADD', { containerId, netns: namespace.path, podName });
  const address = result?.ips?.[0]?.address.replace(/\/\d+$/, '');
  if (address === undefined) throw new BenchError(`ADD of ${podName} gave no address`);
  return { namespace, address };
}

async function waitWholePath(from: DemoNode, to: DemoNode, mtuBytes: number): Promise<void> {
  await from.waitLinks([to.name]);
  await waitUntil(`path MTU of ${mtuBytes} from ${from.name} to ${to.name}`, PATH_MTU_TIMEOUT_MS, async () => {
    const peers = await from.api.peers();
    return peers.some((peer) => peer.name === to.name && peer.mtuBytes === mtuBytes);
  });
}

/** Fields of the router's log line "router is forwarding". */
function engineOf(node: DemoNode): string {
  return /"engine":"([^"]+)"/.exec(readFileSync(node.logFile, 'utf8'))?.[1] ?? 'unknown';
}
