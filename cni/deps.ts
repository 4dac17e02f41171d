/** Dependencies of the CNI verbs, supplied by `agent/`: the address pool, the kernel, the endpoint list, the router. */
import type { IpAddress } from '../common/address/ip-address.js';
import type { Cidr } from '../common/address/cidr.js';
import type { InterfaceInfo } from '../common/host/ip-output.js';
import type { Logger } from '../common/log.js';
import type { AttachmentOwner, AttachmentPlan, EndpointRecord, PodAddress } from './attachment.js';

export interface PodInterface {
  readonly up: boolean;
  readonly mac: string;
  /** Of global scope. */
  readonly ips: readonly IpAddress[];
}

export interface PodRouteFound {
  readonly dst: Cidr;
  readonly gateway: string | null;
}

/** Host interface of a pod, or another interface with such a name. */
export type HostInterface = Pick<InterfaceInfo, 'name' | 'mac' | 'up' | 'bridge' | 'alias'>;

/** Where pod addresses come from. Everything it resolves is durable; errors are HeddleErrors. */
export interface AddressPool {
  /** The same addresses for the same owner, one per family. */
  allocate(owner: AttachmentOwner, requested: readonly IpAddress[]): Promise<readonly PodAddress[]>;
  /** No error when the owner has none. */
  release(owner: AttachmentOwner): Promise<void>;
  list(): readonly { readonly ip: IpAddress; readonly owner: AttachmentOwner }[];
}

/** The kernel's side of an attachment. */
export interface PodNetwork {
  /** On failure parts of it may be left: {@link detach} removes them. Rejects with CommandError, or CniError 3 without a netns. */
  attach(plan: AttachmentPlan): Promise<void>;
  /** Removes the pair; no error when there is none. */
  detach(hostInterface: string): Promise<void>;
  /** Null when the namespace or the interface is gone. Rejects when it can't be told. */
  inspect(netns: string, ifname: string): Promise<PodInterface | null>;
  routes(netns: string, ifname: string): Promise<readonly PodRouteFound[]>;
  /** veth interfaces whose name begins as those of pods do, by name. */
  hostInterfaces(): Promise<ReadonlyMap<string, HostInterface>>;
  /** Makes an existing host interface a port of the bridge again, with its flags and forwarding entry. */
  repairHostInterface(hostInterface: string, bridge: string, mac: string): Promise<void>;
}

/** The durable list of what is attached, by host interface. Changes are on disk when they resolve. */
export interface EndpointList {
  get(hostInterface: string): EndpointRecord | null;
  list(): readonly EndpointRecord[];
  put(record: EndpointRecord): Promise<void>;
  remove(hostInterface: string): Promise<void>;
}

export interface NetworkSettings {
  readonly bridge: string;
  readonly podMtuBytes: number;
  readonly clusterCidrs: readonly Cidr[];
}

/** Why ADD would fail now: code 50, or 51 when attached pods are affected too. */
export interface Unreadiness {
  readonly code: 50 | 51;
  readonly message: string;
}

/**
 * Tells the router (and whoever else) all endpoints of this node. ADD answers only after it resolved; calls come in the
 * order of the changes, so the implementation must send in the order it was called.
 */
export type Announce = (endpoints: readonly EndpointRecord[]) => Promise<void>;

export interface CniDeps {
  readonly addresses: AddressPool;
  readonly network: PodNetwork;
  readonly endpoints: EndpointList;
  /** Asked at every call: they may change while the agent runs. */
  settings(): NetworkSettings;
  /** Why no pod can be attached now, or null. Must be quick: STATUS waits for it. */
  readiness(): Unreadiness | null;
  readonly announce: Announce;
  /** For records that people read. */
  wallTime(): Date;
  readonly log: Logger;
}
