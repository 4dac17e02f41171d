/** Underlay of a demo cluster: a bridge in its own namespace, with a veth pair into every node's namespace. */
import type { NetworkNamespace } from '../machine/network-namespace.js';
import { OUTSIDE, UNDERLAY_PREFIX_V4, UNDERLAY_PREFIX_V6, ofFamilies } from './plan.js';
import type { Families } from './plan.js';

/** A capture on it sees every datagram between nodes. */
export const UNDERLAY_BRIDGE = 'underlay0';
/** The underlay interface inside a node's namespace. */
export const NODE_INTERFACE = 'eth0';

/** A namespace on the underlay. */
interface Member {
  readonly namespace: NetworkNamespace;
  /** Of its interface, without prefix. */
  readonly addresses: readonly string[];
}

/** As `ip` prints it. */
interface LinkDescription {
  readonly address: string;
}

export class Underlay {
  /** Bounded by the size of the plan. */
  readonly #members: Member[] = [];

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

  /**
   * Gives every member permanent neighbour entries for all others. The namespaces share one table of the kernel, in which 1024
   * entries have room (`gc_thresh3` of arp(7)) and permanent ones do not count; each real machine has a table of its own.
   */
  async fixNeighbours(): Promise<void> {
    const lines: string[] = [];
    for (const { namespace, addresses } of this.#members) {
      const [link] = JSON.parse(
        await namespace.ip('-json', 'link', 'show', 'dev', NODE_INTERFACE),
      ) as LinkDescription[];
      lines.push(
        ...addresses.map((ip) => `neighbour replace ${ip} lladdr ${link!.address} nud permanent dev ${NODE_INTERFACE}`),
      );
    }
    for (const { namespace, addresses } of this.#members) {
      const others = lines.filter((line) => !addresses.some((ip) => line.startsWith(`neighbour replace ${ip} `)));
      await namespace.run('ip', ['-batch', '-'], `${others.join('\n')}\n`);
    }
  }

  private async attach(member: NetworkNamespace, bridgePort: string, v4: string, v6: string): Promise<void> {
    const peer = ['peer', 'name', NODE_INTERFACE, 'netns', member.name];
    await this.namespace.ip('link', 'add', bridgePort, 'type', 'veth', ...peer);
    await this.namespace.ip('link', 'set', bridgePort, 'master', UNDERLAY_BRIDGE, 'up');
    await member.ip('link', 'set', NODE_INTERFACE, 'up');
    const addresses = ofFamilies(this.families, `${v4}/${UNDERLAY_PREFIX_V4}`, `${v6}/${UNDERLAY_PREFIX_V6}`);
    await addAddresses(member, NODE_INTERFACE, addresses);
    this.#members.push({ namespace: member, addresses: ofFamilies(this.families, v4, v6) });
  }
}

async function addAddresses(namespace: NetworkNamespace, device: string, addresses: readonly string[]): Promise<void> {
  for (const address of addresses) {
    // `nodad`: usable at once; there are no other hosts on this network.
    const flags = address.includes(':') ? ['nodad'] : [];
    await namespace.ip('address', 'add', address, 'dev', device, ...flags);
  }
}
