/** A bridge on each node with one pod at it, for the cases that have no CNI plugin. */
import type { NetworkNamespace } from '../../../deploy/demo/machine/network-namespace.js';
import type { Lab } from '../lab.js';
import type { Node, NodePair } from '../node-pair.js';
import { createPod } from './overlay.js';
import type { Ends } from './overlay.js';

export const POD_BRIDGE = 'br0';
const POD_PORT = 'pod';

/**
 * `oneSegment`: pods of both nodes share a subnet, and the overlay between the bridges carries frames. Otherwise each node has
 * a subnet of its own and is its pods' router.
 */
export async function createBridgedPods(
  lab: Lab,
  pair: NodePair,
  options: { readonly podMtuBytes: number; readonly oneSegment: boolean },
): Promise<Ends> {
  const pods: NetworkNamespace[] = [];
  for (const node of pair.nodes) pods.push(await createPodOn(lab, node, options.podMtuBytes, options.oneSegment));
  const [client, server] = pods as [NetworkNamespace, NetworkNamespace];
  return { client, server, serverAddress: podAddress(pair.nodes[1]), podMtuBytes: options.podMtuBytes };
}

export function podSubnet(node: Node): string {
  return node.plan.podCidrs[0]!;
}

async function createPodOn(lab: Lab, node: Node, mtuBytes: number, oneSegment: boolean): Promise<NetworkNamespace> {
  const { namespace } = node;
  const mtu = ['mtu', `${mtuBytes}`];
  const pod = await createPod(lab, node);
  await namespace.ip('link', 'add', POD_BRIDGE, ...mtu, 'type', 'bridge');
  await namespace.ip('link', 'set', POD_BRIDGE, 'up');
  const peer = ['peer', 'name', 'eth0', 'netns', pod.name, ...mtu];
  await namespace.ip('link', 'add', POD_PORT, ...mtu, 'type', 'veth', ...peer);
  await namespace.ip('link', 'set', POD_PORT, 'master', POD_BRIDGE, 'up');
  await pod.ip('address', 'add', `${podAddress(node)}/${oneSegment ? 16 : 24}`, 'dev', 'eth0');
  await pod.ip('link', 'set', 'eth0', 'up');
  if (!oneSegment) {
    await namespace.ip('address', 'add', `${hostAddress(node, 1)}/24`, 'dev', POD_BRIDGE);
    await pod.ip('route', 'add', 'default', 'via', hostAddress(node, 1));
  }
  return pod;
}

function podAddress(node: Node): string {
  return hostAddress(node, 2);
}

/** The n-th address of the node's pod subnet, a /24. */
function hostAddress(node: Node, n: number): string {
  return podSubnet(node).replace(/\.0\/24$/, `.${n}`);
}
