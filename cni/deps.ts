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

/** Kernel side of an attachment. */
export interface PodNetwork {
  /** A failure may leave parts, which {@link detach} removes. Rejects with CommandError, or CniError 3 without a netns. */
  attach(plan: AttachmentPlan): Promise<void>;
  /** Removes the pair; a missing pair is no error. */
  detach(hostInterface: string): Promise<void>;
  /** Null when the namespace or the interface does not exist. Rejects on any other failure. */
  inspect(netns: string, ifname: string): Promise<PodInterface | null>;
  routes(netns: string, ifname: string): Promise<readonly PodRouteFound[]>;
  /** veth interfaces whose name begins as those of pods do, by name. */
  hostInterfaces(): Promise<ReadonlyMap<string, HostInterface>>;
  /** Makes an existing host interface a port of the bridge again, with its flags and forwarding entry. */
  repairHostInterface(hostInterface: string, bridge: string, mac: string): Promise<void>;
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

export interface CniDeps {
  readonly addresses: AddressPool;
  readonly network: PodNetwork;
  readonly endpoints: EndpointList;
  /** Read at every call; settings may change while the agent runs. */
  settings(): NetworkSettings;
  /** Reason why no pod can be attached now, or null. Synchronous, since STATUS waits for it. */
  readiness(): Unreadiness | null;
  readonly announce: Announce;
  /** Wall clock, for times shown to people. */
  wallTime(): Date;
  readonly log: Logger;
}
