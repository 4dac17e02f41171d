/** The kernel's VXLAN (RFC 7348) between the nodes' bridges, in plaintext, as most pod networks use it. */
import { UNDERLAY_INTERFACE } from '../node-pair.js';
import type { Node } from '../node-pair.js';
import { POD_BRIDGE, createBridgedPods } from './bridged-pods.js';
import type { BringUp } from './overlay.js';

const INTERFACE = 'vxlan0';
const PORT = '4789';
const NETWORK_ID = '1';
/** Outer IPv4 20, UDP 8, VXLAN 8 and inner Ethernet 14 bytes. */
const OVERHEAD_BYTES = 50;

export const bringUpVxlan: BringUp = async (lab, pair) => {
  const podMtuBytes = pair.mtuBytes - OVERHEAD_BYTES;
  const ends = await createBridgedPods(lab, pair, { podMtuBytes, oneSegment: true });
  for (const node of pair.nodes) await addTunnel(node, podMtuBytes);
  return ends;
};

async function addTunnel({ namespace, address, peerAddress }: Node, mtuBytes: number): Promise<void> {
  const tunnel = [
    'id',
    NETWORK_ID,
    'local',
    address,
    'remote',
    peerAddress,
    'dstport',
    PORT,
    'dev',
    UNDERLAY_INTERFACE,
  ];
  await namespace.ip('link', 'add', INTERFACE, 'mtu', `${mtuBytes}`, 'type', 'vxlan', ...tunnel);
  await namespace.ip('link', 'set', INTERFACE, 'master', POD_BRIDGE, 'up');
}
