/** Underlay of a demo cluster: a bridge in its own namespace, with a veth pair into every node's namespace. */
import type { NetworkNamespace } from '../machine/network-namespace.js';
import { OUTSIDE, UNDERLAY_PREFIX_V4, UNDERLAY_PREFIX_V6, ofFamilies } from './plan.js';
import type { Families } from './plan.js';

/** A capture on it sees every datagram between nodes. */
export const UNDERLAY_BRIDGE = 'underlay0';
/** The underlay interface inside a node's namespace. */
export const NODE_INTERFACE = 'eth0';

export class Underlay {
  private constructor(
    readonly namespace: NetworkNamespace,
    readonly outside: NetworkNamespace,
    readonly families: Families,
  ) {}

  static async create(
    makeNamespace: (name: string) => Promise<NetworkNamespace>,
    families: Families,
  ): Promise<Underlay> {
    const namespace = await makeNamespace('underlay');
    // Without snooping, which holds neighbour discovery back until there is a querier.
    await namespace.ip('link', 'add', UNDERLAY_BRIDGE, 'type', 'bridge', 'mcast_snooping', '0');
    await namespace.ip('link', 'set', UNDERLAY_BRIDGE, 'up');
    const outside = await makeNamespace('outside');
    const underlay = new Underlay(namespace, outside, families);
    await underlay.attach(outside, 'outside', OUTSIDE.underlayV4, OUTSIDE.underlayV6);
    await addAddresses(outside, 'lo', ofFamilies(families, `${OUTSIDE.serviceV4}/32`, `${OUTSIDE.serviceV6}/128`));
    return underlay;
  }

  /** Connects a node, with a default route to the outside. */
  async attachNode(node: NetworkNamespace, name: string, v4: string, v6: string): Promise<void> {
    await this.attach(node, name, v4, v6);
    for (const via of ofFamilies(this.families, OUTSIDE.underlayV4, OUTSIDE.underlayV6)) {
      await node.ip('route', 'add', 'default', 'via', via);
    }
  }

  private async attach(member: NetworkNamespace, bridgePort: string, v4: string, v6: string): Promise<void> {
    const peer = ['peer', 'name', NODE_INTERFACE, 'netns', member.name];
    await this.namespace.ip('link', 'add', bridgePort, 'type', 'veth', ...peer);
    await this.namespace.ip('link', 'set', bridgePort, 'master', UNDERLAY_BRIDGE, 'up');
    await member.ip('link', 'set', NODE_INTERFACE, 'up');
    const addresses = ofFamilies(this.families, `${v4}/${UNDERLAY_PREFIX_V4}`, `${v6}/${UNDERLAY_PREFIX_V6}`);
    await addAddresses(member, NODE_INTERFACE, addresses);
  }
}

async function addAddresses(namespace: NetworkNamespace, device: string, addresses: readonly string[]): Promise<void> {
  for (const address of addresses) {
    // `nodad`: usable at once; there are no other hosts on this network.
    const flags = address.includes(':') ? ['nodad'] : [];
    await namespace.ip('address', 'add', address, 'dev', device, ...flags);
  }
}
