/**
 * The vocabulary of the host-network reconciler: what is wanted of this host, what a part of it saw, and the commands that
 * mend the difference.
 */
import type { Cidr } from '../../common/address/cidr.js';
import { cidrFamily, cidrIncludes } from '../../common/address/cidr.js';
import type { CommandRunner } from '../../common/host/command.js';
import { IP_FAMILIES } from '../../common/address/ip-address.js';
import type { IpFamily } from '../../common/address/ip-address.js';
import type { RouterDescriptors } from '../../common/router-port.js';
import type { GuardedPod } from '../../cni/index.js';
import { listInterfaces } from '../../common/host/ip-output.js';
import type { InterfaceInfo } from '../../common/host/ip-output.js';
import type { SettingChange, SettingsRecord } from './settings-record.js';
import { listUdpSockets } from './udp-sockets.js';
import type { UdpSocket } from './udp-sockets.js';

/** Everything that is wanted of the host, from the configuration alone. */
export interface HostNetworkSpec {
  readonly bridgeName: string;
  /** Named by the bridge's mark. */
  readonly stateDir: string;
  readonly tapName: string;
  readonly podMtuBytes: number;
  /** This node's own, at least one. */
  readonly podCidrs: readonly Cidr[];
  readonly clusterCidrs: readonly Cidr[];
  /** Pod CIDRs of others with a smaller pod MTU than this node's. */
  readonly narrowCidrs: readonly { readonly cidr: Cidr; readonly mtuBytes: number }[];
  readonly masquerade: boolean;
  readonly listenPort: number;
  /** Null without a router, and for a router of an older version. */
  readonly router: RouterDescriptors | null;
  /** Attached pods, which the source guard lets send when it is written anew. */
  readonly pods: readonly GuardedPod[];
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
  /** Line for an administrator to type where the command is refused. */
  readonly advice?: string;
  /** The change of a setting of the whole host, which is recorded before it is made. */
  readonly setting?: SettingChange;
}

/** One part of the host's state: looks, compares, and says what to run. Throws HeddleError when it cannot be mended. */
export interface HostPart {
  readonly name: string;
  plan(spec: HostNetworkSpec, view: HostView): Promise<readonly Repair[]>;
}

/** One look at the host. Used until something is changed, so that parts need not ask the same twice. */
export class HostView {
  #bridge: Promise<InterfaceInfo | null> | null = null;
  #tap: Promise<InterfaceInfo | null> | null = null;

  constructor(
    readonly commands: CommandRunner,
    /** Settings of the whole host that were changed so far. */
    readonly settings: SettingsRecord,
  ) {}

  /** The bridge with its addresses, or null when there is no bridge of this name. */
  bridge(name: string): Promise<InterfaceInfo | null> {
    this.#bridge ??= this.#interfaceOfKind('bridge', name);
    return this.#bridge;
  }

  /** The TAP with its addresses, or null when the supervisor has not made it. */
  tap(name: string): Promise<InterfaceInfo | null> {
    this.#tap ??= this.#interfaceOfKind('tun', name);
    return this.#tap;
  }

  udpSockets(): Promise<UdpSocket[]> {
    return listUdpSockets();
  }

  /** Filtered by kind in the kernel, so that hundreds of pods cost nothing; an absent interface is no error that way. */
  async #interfaceOfKind(kind: string, name: string): Promise<InterfaceInfo | null> {
    const found = await listInterfaces(this.commands, ['-details', 'address', 'show', 'type', kind]);
    return found.find((one) => one.name === name) ?? null;
  }
}

/** Families that this node has pod CIDRs of. */
export function familiesOf({ podCidrs }: Pick<HostNetworkSpec, 'podCidrs'>): IpFamily[] {
  return IP_FAMILIES.filter((family) => podCidrs.some((cidr) => cidrFamily(cidr) === family));
}

/** Leaves out blocks that lie within another one of the list. */
export function outermost(cidrs: readonly Cidr[]): Cidr[] {
  const unique = [...new Set(cidrs)];
  return unique.filter((inner) => !unique.some((outer) => outer !== inner && cidrIncludes(outer, inner)));
}
