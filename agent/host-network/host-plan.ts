/**
 * The vocabulary of the host-network reconciler: what is wanted of this host, what a part of it saw, and the commands that
 * mend the difference.
 */
import type { Cidr } from '../../common/address/cidr.js';
import { cidrFamily, cidrIncludes } from '../../common/address/cidr.js';
import type { CommandRunner } from '../../common/host/command.js';
import type { MacAddress } from '../../common/address/mac-address.js';
import type { RouterDescriptors } from '../../common/router-port.js';
import { listInterfaces } from '../../common/host/ip-output.js';
import type { InterfaceInfo } from '../../common/host/ip-output.js';
import { listUdpSockets } from './udp-sockets.js';
import type { UdpSocket } from './udp-sockets.js';

/** Everything that is wanted of the host, from the configuration alone. */
export interface HostNetworkSpec {
  readonly bridgeName: string;
  readonly bridgeMac: MacAddress;
  /** Named by the bridge's mark. */
  readonly stateDir: string;
  readonly tapName: string;
  readonly podMtuBytes: number;
  /** This node's own, at least one. */
  readonly podCidrs: readonly Cidr[];
  readonly clusterCidrs: readonly Cidr[];
  readonly masquerade: boolean;
  readonly listenPort: number;
  /** Null without a router, and for a router of an older version. */
  readonly router: RouterDescriptors | null;
}

/** One command that mends one thing. */
export interface Repair {
  /** What was wrong, for the log: "bridge heddle0 was missing". */
  readonly what: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly input?: string;
  /** A kernel or tool may lack it; a failure is tried again with the next look and is no problem. */
  readonly optional?: boolean;
}

/** One part of the host's state: looks, compares, and says what to run. Throws HeddleError when it cannot be mended. */
export interface HostPart {
  readonly name: string;
  plan(spec: HostNetworkSpec, view: HostView): Promise<readonly Repair[]>;
}

/** One look at the host. Used until something is changed, so that parts need not ask the same twice. */
export class HostView {
  #bridge: Promise<InterfaceInfo | null> | null = null;

  constructor(readonly commands: CommandRunner) {}

  /** The bridge with its addresses, or null when there is no bridge of this name. */
  bridge(name: string): Promise<InterfaceInfo | null> {
    this.#bridge ??= this.#linkOfKind('bridge', name, 'address');
    return this.#bridge;
  }

  tap(name: string): Promise<InterfaceInfo | null> {
    return this.#linkOfKind('tun', name, 'link');
  }

  udpSockets(): Promise<UdpSocket[]> {
    return listUdpSockets();
  }

  /** Filtered by kind in the kernel, so that hundreds of pods cost nothing; an absent link is no error that way. */
  async #linkOfKind(kind: string, name: string, object: 'link' | 'address'): Promise<InterfaceInfo | null> {
    const links = await listInterfaces(this.commands, ['-details', object, 'show', 'type', kind]);
    return links.find((link) => link.name === name) ?? null;
  }
}

export function hasIpv6(spec: Pick<HostNetworkSpec, 'podCidrs'>): boolean {
  return spec.podCidrs.some((cidr) => cidrFamily(cidr) === 6);
}

export function hasIpv4(spec: Pick<HostNetworkSpec, 'podCidrs'>): boolean {
  return spec.podCidrs.some((cidr) => cidrFamily(cidr) === 4);
}

/** Leaves out blocks that lie within another one of the list. */
export function outermost(cidrs: readonly Cidr[]): Cidr[] {
  const unique = [...new Set(cidrs)];
  return unique.filter((inner) => !unique.some((outer) => outer !== inner && cidrIncludes(outer, inner)));
}
