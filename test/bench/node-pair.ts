/**
 * Nodes joined by the underlay, without pods:
 *
 *   node1 und0 ------------------------------- und0 node2        a pair, joined by a veth pair
 *   node1 und0 --- port1 [hop, a bridge] port2 --- und0 node2    a pair with a hop that can lose packets
 *                                        port3 --- und0 node3    a fan: more nodes at such a hop
 *
 * In wire mode, and always with a hop, the nodes' ends have no segmentation offload: the kernel cuts packets to the MTU
 * before they leave, and joins them again (GRO) only when they have arrived.
 */
import { planNode } from '../../deploy/demo/cluster/plan.js';
import type { NodePlan } from '../../deploy/demo/cluster/plan.js';
import type { NetworkNamespace } from '../../deploy/demo/machine/network-namespace.js';
import type { Lab } from './lab.js';
import { LossyHop } from './lossy-hop.js';

export const UNDERLAY_INTERFACE = 'und0';
const UNDERLAY_PREFIX = 24;
const SEGMENTATION_OFF = ['tso', 'off', 'gso', 'off'];
/** A /sys of its own: the one that is mounted shows the interfaces of another namespace. */
const THREADED_NAPI = `mount -t sysfs sysfs /sys && echo 1 > /sys/class/net/${UNDERLAY_INTERFACE}/threaded`;
const ROUTING_SETTINGS = {
  'net/ipv4/ip_forward': '1',
  'net/ipv4/conf/all/rp_filter': '0',
  'net/ipv4/conf/default/rp_filter': '0',
};

export interface Node {
  readonly plan: NodePlan;
  readonly namespace: NetworkNamespace;
  /** On the underlay. */
  readonly address: string;
  /** The other's; in a fan the first node's, and of that the second's. */
  readonly peerAddress: string;
}

export interface NodePair {
  readonly nodes: readonly [Node, Node];
  readonly hop: LossyHop | null;
  readonly mtuBytes: number;
}

export interface UnderlayOptions {
  readonly mtuBytes: number;
  readonly wire: boolean;
  readonly threadedNapi: boolean;
}

export async function createNodePair(lab: Lab, options: UnderlayOptions & { withHop: boolean }): Promise<NodePair> {
  const { mtuBytes } = options;
  const plans = [planNode(1, 'ipv4'), planNode(2, 'ipv4')] as const;
  const nodes = [await createNode(lab, plans[0], plans[1]), await createNode(lab, plans[1], plans[0])] as const;
  const hop = options.withHop ? await LossyHop.create(lab, mtuBytes) : null;
  if (hop === null) await join(nodes, mtuBytes);
  else for (const node of nodes) await hop.attach(node.namespace, UNDERLAY_INTERFACE, portOf(node));
  for (const node of nodes) await configure(node, { ...options, wire: options.wire || options.withHop });
  return { nodes, hop, mtuBytes };
}

/** One node and its peers, at least one. */
export async function createNodeFan(lab: Lab, peers: number, options: UnderlayOptions): Promise<readonly Node[]> {
  const plans = Array.from({ length: 1 + peers }, (_, i) => planNode(i + 1, 'ipv4'));
  const hop = await LossyHop.create(lab, options.mtuBytes);
  const nodes: Node[] = [];
  for (const plan of plans) {
    const node = await createNode(lab, plan, plan.index === 1 ? plans[1]! : plans[0]!);
    await hop.attach(node.namespace, UNDERLAY_INTERFACE, portOf(node));
    await configure(node, options);
    nodes.push(node);
  }
  return nodes;
}

async function createNode(lab: Lab, plan: NodePlan, other: NodePlan): Promise<Node> {
  const namespace = await lab.createNamespace(`node${plan.index}`);
  for (const [name, value] of Object.entries(ROUTING_SETTINGS)) {
    await namespace.run('tee', [`/proc/sys/${name}`], value);
  }
  return { plan, namespace, address: plan.underlayV4, peerAddress: other.underlayV4 };
}

async function join([one, two]: readonly [Node, Node], mtuBytes: number): Promise<void> {
  const mtu = ['mtu', `${mtuBytes}`];
  const peer = ['peer', 'name', UNDERLAY_INTERFACE, 'netns', two.namespace.name, ...mtu];
  await one.namespace.ip('link', 'add', UNDERLAY_INTERFACE, ...mtu, 'type', 'veth', ...peer);
}

async function configure({ namespace, address }: Node, { wire, threadedNapi }: UnderlayOptions): Promise<void> {
  if (wire) {
    await namespace.run('ethtool', ['-K', UNDERLAY_INTERFACE, ...SEGMENTATION_OFF, 'gro', 'on']);
    await namespace.run('ethtool', ['-K', UNDERLAY_INTERFACE, 'tx-udp-segmentation', 'off']);
  }
  await namespace.ip('address', 'add', `${address}/${UNDERLAY_PREFIX}`, 'dev', UNDERLAY_INTERFACE);
  await namespace.ip('link', 'set', UNDERLAY_INTERFACE, 'up');
  if (threadedNapi) await namespace.run('unshare', ['--mount', 'sh', '-c', THREADED_NAPI]);
}

function portOf({ plan }: Node): string {
  return `port${plan.index}`;
}
