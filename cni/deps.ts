/** Dependencies of the CNI verbs, supplied by `agent/`: the address pool, the kernel, the endpoint list, the router. */
import type { IpAddress } from '../common/address/ip-address.js';
import type { Cidr } from '../common/address/cidr.js';
import type { InterfaceInfo } from '../common/host/ip-output.js';
import type { Logger } from '../common/log.js';
import type { MacAddress } from '../common/address/mac-address.js';
import type { AttachmentOwner, AttachmentPlan, EndpointRecord, PodAddress, PodRoute } from './attachment.js';

/** Interface inside a pod's namespace. */
export interface PodInterface {
  readonly name: string;
  readonly index: number;
  /** Index of the other end of a veth pair, in its namespace; null for other interfaces. */
  readonly peerIndex: number | null;
  readonly up: boolean;
  readonly mac: string;
  readonly mtuBytes: number;
  /** Of global scope. */
  readonly ips: readonly IpAddress[];
}

/** Unicast route inside a pod, of any table. */
export interface PodRouteFound {
  readonly dst: Cidr;
  readonly gateway: string | null;
  /** Null for a route with several next hops. */
  readonly ifname: string | null;
  readonly metric: number | null;
  /** Null: the main table. */
  readonly table: string | null;
}

/** Rule inside a pod that routes what is sent from an address by a table of its own. */
export interface SourceRule {
  readonly source: IpAddress;
  readonly table: number;
}

/** Parts of a pod's own network, to be added by its interface. */
export interface PodParts {
  readonly ips: readonly IpAddress[];
  readonly gateways: readonly IpAddress[];
  readonly routes: readonly PodRoute[];
  readonly rules: readonly SourceRule[];
}

/** Host interface of a pod, or another interface with such a name. */
export type HostInterface = Pick<
  InterfaceInfo,
  'name' | 'index' | 'mac' | 'mtuBytes' | 'up' | 'bridge' | 'alias' | 'group' | 'peer' | 'portSettings'
>;

/** Element of the source guard: a host interface may send from this MAC and address. */
export interface GuardElement {
  readonly hostInterface: string;
  readonly mac: string;
  readonly ip: string;
}

/** The host's side of an attached pod, as wanted. */
export interface HostSide {
  readonly hostInterface: string;
  readonly bridge: string;
  readonly mac: MacAddress;
  /** Gateway null: the route has no preferred source, since the node serves no pod CIDR with the address. */
  readonly addresses: readonly { readonly ip: IpAddress; readonly gateway: IpAddress | null }[];
}

/** The host's side of an attached pod, as found in the kernel. */
export interface HostSideFound {
  readonly interface: HostInterface;
  /** Permanent ones on the interface. */
  readonly neighbours: readonly { readonly address: string; readonly mac: string }[];
  /** Host routes to the interface. */
  readonly routes: readonly { readonly destination: string; readonly source: string | null }[];
  readonly elements: readonly GuardElement[];
}

/** The host's side of all pods at one moment. */
export interface HostObservation {
  /** By host interface. */
  readonly sides: ReadonlyMap<string, HostSideFound>;
  /** Elements of the source guard whose interface does not exist. */
  readonly strayElements: readonly GuardElement[];
}

/** Allocator of pod addresses. Every change is durable when it resolves; errors are HeddleErrors. */
export interface AddressPool {
  /**
   * Resolves to the same addresses for the same owner, one per family.
   * @param owner with the pod's namespace and name, where the runtime tells them
   */
  allocate(
    owner: AttachmentOwner & { readonly pod?: string },
    requested: readonly IpAddress[],
  ): Promise<readonly PodAddress[]>;
  /** An owner without addresses is no error. */
  release(owner: AttachmentOwner): Promise<void>;
  list(): readonly { readonly ip: IpAddress; readonly owner: AttachmentOwner }[];
}

/**
 * Files under /proc as a network namespace has them. Reading and writing blocks this process, so only files are accessed for
 * which the kernel takes no lock of its network configuration.
 */
export interface NamespaceFiles {
  /** Null when it cannot be read. */
  read(netns: string, path: string): string | null;
  /** False when it cannot be written. */
  write(netns: string, path: string, text: string): boolean;
}

/** Kernel side of an attachment. */
export interface PodNetwork {
  /**
   * A failure may leave parts, which {@link detach} removes. Rejects with NetlinkError or CommandError, or CniError 3
   * without a netns.
   */
  attach(plan: AttachmentPlan): Promise<void>;
  /** Removes the pair, and with it the host's neighbours and routes; a missing pair is no error. */
  detach(hostInterface: string): Promise<void>;
  /** Takes elements out of the source guard; missing ones are no error. */
  removeElements(elements: readonly GuardElement[]): Promise<void>;
  /** Interfaces inside a namespace; null when `netns` does not lead into one. Rejects on any other failure. */
  interfacesIn(netns: string): Promise<readonly PodInterface[] | null>;
  /** Routes inside a namespace. Rejects as {@link attach}. */
  routes(netns: string): Promise<readonly PodRouteFound[]>;
  /** Permanent neighbours of an interface inside a namespace that have the gateway's MAC. */
  gateways(netns: string, ifname: string): Promise<readonly string[]>;
  /** Rules inside a namespace for single source addresses, with the number or name of their table. */
  sourceRules(netns: string): Promise<readonly { readonly source: string; readonly table: string }[]>;
  /** Adds parts inside a pod, in the order of {@link PodParts}. An address that the pod does not take is no error. */
  addInside(netns: string, ifname: string, parts: PodParts): Promise<void>;
  /** Removes the rules inside a pod for a table of an interface that is gone. */
  removeRules(netns: string, table: number, ips: readonly IpAddress[]): Promise<void>;
  /** veth interfaces whose name begins as those of pods do. */
  hostInterfaces(): Promise<readonly HostInterface[]>;
  /** Those interfaces with everything else of the host's side. */
  observe(): Promise<HostObservation>;
  /** Makes the host's side of an existing pair as wanted. */
  repair(wanted: HostSide, found: HostSideFound): Promise<void>;
  /**
   * Gives a pod that an earlier version attached the routes of this one: by its gateway, and none of `onLink`, which are the
   * blocks that were on-link in it.
   */
  routeByGateway(
    owner: AttachmentOwner,
    netns: string,
    ifname: string,
    addresses: readonly PodAddress[],
    onLink: readonly Cidr[],
  ): Promise<void>;
  /** Sets the MTU of an interface inside a namespace. Rejects as {@link attach}. */
  setPodMtu(netns: string, ifname: string, mtuBytes: number): Promise<void>;
  setHostMtu(hostInterface: string, mtuBytes: number): Promise<void>;
  /** Removes the connections of these addresses from the node's connection tracking. Rejects without its tool. */
  forgetConnections(addresses: readonly IpAddress[]): Promise<void>;
}

/** Durable list of attached pods, by host interface. A change is on disk when it resolves. */
export interface EndpointList {
  get(hostInterface: string): EndpointRecord | null;
  list(): readonly EndpointRecord[];
  put(record: EndpointRecord): Promise<void>;
  remove(hostInterface: string): Promise<void>;
}

export interface NetworkSettings {
  readonly bridge: string;
  readonly podMtuBytes: number;
  /** Those that this node serves: their gateways are addresses of this node. */
  readonly podCidrs: readonly Cidr[];
  readonly clusterCidrs: readonly Cidr[];
}

/** Reason why ADD would fail now: code 50, or 51 when attached pods are affected too. */
export interface Unreadiness {
  readonly code: 50 | 51;
  readonly message: string;
}

/**
 * Sends the whole endpoint list to the router. ADD answers after it resolved. Calls come in the order of the changes, and
 * the implementation must keep that order.
 */
export type Announce = (endpoints: readonly EndpointRecord[]) => Promise<void>;

/**
 * Puts the policies' verdict of a pod in force, before it has an interface: from then on others reach it. The verdict stays until
 * the pod is announced, or the function that it resolves to is called, which ends its validity for a pod that is not announced.
 */
export type Admit = (endpoint: EndpointRecord) => Promise<() => void>;

export interface CniDeps {
  readonly addresses: AddressPool;
  readonly network: PodNetwork;
  readonly endpoints: EndpointList;
  /** Read at every call; settings may change while the agent runs. */
  settings(): NetworkSettings;
  /**
   * Reason why ADD is not to be tried now, or why STATUS is to fail, or null. STATUS also fails on what ADD finds out by
   * itself: a disk that cannot be written, or no free address. Synchronous, since STATUS waits for it.
   */
  readiness(verb: 'ADD' | 'STATUS'): Unreadiness | null;
  readonly admit: Admit;
  readonly announce: Announce;
  /** Wall clock, for times shown to people. */
  wallTime(): Date;
  readonly log: Logger;
}
