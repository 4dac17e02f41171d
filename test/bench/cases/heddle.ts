/** Heddle as it is installed: `meshd` on both nodes, its real handshake, pods attached by the CNI executable. */
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BenchError } from '../../../common/errors.js';
import { ContainerRuntime } from '../../../deploy/demo/container-runtime.js';
import { DemoNode } from '../../../deploy/demo/demo-node.js';
import type { NetworkNamespace } from '../../../deploy/demo/network-namespace.js';
import { waitUntil } from '../../../deploy/demo/wait-until.js';
import type { Lab } from '../lab.js';
import type { Node, NodePair } from '../node-pair.js';
import { createPod } from './overlay.js';
import type { BringUp } from './overlay.js';

const SECRET_BYTES = 32;
const CLUSTER_CIDR = '10.32.0.0/16';
/** The search for the path MTU takes a second; a path that is not found whole would be measured as a slower one. */
const PATH_MTU_TIMEOUT_MS = 15_000;

/**
 * @param distDir where the build put `meshd.js` and the rest
 * @param onEngine is told the name of the AEAD engine that the router chose
 */
export function bringUpHeddle(distDir: string, onEngine: (name: string) => void): BringUp {
  return async (lab, pair) => {
    const [one, two] = startNodes(lab, pair, distDir);
    const [status] = await Promise.all([one.waitReady(), two.waitReady()]);
    const client = await attachPod(lab, pair.nodes[0], one);
    const server = await attachPod(lab, pair.nodes[1], two);
    await Promise.all([waitWholePath(one, two, pair.mtuBytes), waitWholePath(two, one, pair.mtuBytes)]);
    onEngine(engineOf(one));
    return {
      client: client.namespace,
      server: server.namespace,
      serverAddress: server.address,
      podMtuBytes: status.podMtuBytes,
    };
  };
}

function startNodes(lab: Lab, pair: NodePair, distDir: string): [DemoNode, DemoNode] {
  const secretFile = join(lab.folder, 'cluster-secret');
  writeFileSync(secretFile, `${randomBytes(SECRET_BYTES).toString('hex')}\n`, { mode: 0o600 });
  const start = ({ plan, namespace, address, peerAddress }: Node): DemoNode => {
    const node = new DemoNode(plan, namespace, {
      distDir,
      folder: join(lab.folder, plan.name),
      clusterCidrs: [CLUSTER_CIDR],
      listenAddress: address,
      seeds: [peerAddress],
      secretFile,
      extraArgs: [],
    });
    lab.beforeClear(() => node.stop());
    node.start();
    return node;
  };
  return [start(pair.nodes[0]), start(pair.nodes[1])];
}

async function attachPod(
  lab: Lab,
  site: Node,
  node: DemoNode,
): Promise<{ namespace: NetworkNamespace; address: string }> {
  const namespace = await createPod(lab, site);
  const runtime = new ContainerRuntime(node.settings.distDir, node.cniSocket, node.tombstoneDir);
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

/** As the router logs it when it begins to forward. */
function engineOf(node: DemoNode): string {
  return /"engine":"([^"]+)"/.exec(readFileSync(node.logFile, 'utf8'))?.[1] ?? 'unknown';
}
