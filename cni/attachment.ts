/** Types of an attachment, and the names and MACs computed from it: owner, addresses, routes, plan, record. */
import { createHash } from 'node:crypto';
import type { Cidr } from '../common/address/cidr.js';
import type { IpAddress, IpFamily } from '../common/address/ip-address.js';
import { macFromBytes } from '../common/address/mac-address.js';
import type { MacAddress } from '../common/address/mac-address.js';

/** The CNI key of a pod interface. */
export interface AttachmentOwner {
  readonly containerId: string;
  readonly ifname: string;
}

/** An address of the pod, the pod CIDR it was allocated from, and that CIDR's gateway. */
export interface PodAddress {
  readonly ip: IpAddress;
  readonly cidr: Cidr;
  readonly gateway: IpAddress;
}

/** A route inside the pod. */
export interface PodRoute {
  readonly dst: Cidr;
  /** Null: on-link. */
  readonly gateway: IpAddress | null;
  /** Preferred source address. */
  readonly source: IpAddress;
  /** Null: the kernel's own choice. */
  readonly metric: number | null;
  /** Null: the main table. */
  readonly table: number | null;
}

/** How a pod interface stands among the routes of its pod. */
export interface PodRouting {
  /** Families whose default route leads through this interface. */
  readonly defaultFamilies: readonly IpFamily[];
  /** Families whose cluster CIDRs have routes of their own through it. */
  readonly clusterFamilies: readonly IpFamily[];
  /** Of its routes in the main table. Null: the kernel's own choice. */
  readonly metric: number | null;
  /** The pod has other interfaces: what it sends from the addresses of this one is routed by a table of their own. */
  readonly beside: boolean;
}

/** Routing of an interface that has its pod for itself. */
export const SOLE_ROUTING: PodRouting = { defaultFamilies: [4, 6], clusterFamilies: [], metric: null, beside: false };

/** Everything that the kernel is configured with to attach a pod. */
export interface AttachmentPlan {
  readonly owner: AttachmentOwner;
  /** Name of the CNI network, from the configuration. */
  readonly network: string;
  readonly netns: string;
  readonly hostInterface: string;
  readonly bridge: string;
  readonly mac: MacAddress;
  readonly mtuBytes: number;
  readonly addresses: readonly PodAddress[];
  readonly routes: readonly PodRoute[];
  readonly routing: PodRouting;
}

/** The durable record of an attached pod. */
export interface EndpointRecord extends AttachmentOwner {
  readonly network: string;
  readonly netns: string;
  readonly hostInterface: string;
  readonly mac: MacAddress;
  readonly ips: readonly IpAddress[];
  readonly routing: PodRouting;
  readonly podNamespace: string | null;
  readonly podName: string | null;
  /** Absent where the runtime did not tell, and in records of earlier versions. */
  readonly podUid?: string;
  /** ISO 8601, UTC. */
  readonly since: string;
}

export const HOST_INTERFACE_PREFIX = 'hd';
/** IFNAMSIZ leaves 15 characters; 13 hex digits are 52 bits: 1023 pods collide with odds below 1e-9. */
const HASH_DIGITS = 13;
/** `h` in the highest byte. */
const FIRST_SOURCE_TABLE = 0x68_00_00_00;
const HASH = /^[0-9a-f]{13}$/;

/** Name of a pod's host interface. Computed, so that an interface left by a crash is found again. */
export function hostInterfaceOf(owner: AttachmentOwner): string {
  return HOST_INTERFACE_PREFIX + ownerHash(owner).toString('hex').slice(0, HASH_DIGITS);
}

/** MAC of the host interface: local, and high (`fe`), because a bridge takes the lowest MAC of its ports for its own. */
export function hostMacOf(owner: AttachmentOwner): MacAddress {
  return macFromBytes(Uint8Array.of(0xfe, ...ownerHash(owner).subarray(0, 5)));
}

/** Routing table inside the pod for what is sent from the addresses of one of its interfaces; above the tables of people. */
export function sourceTableOf(owner: AttachmentOwner): number {
  return FIRST_SOURCE_TABLE + ownerHash(owner).readUIntBE(0, 3);
}

/** As {@link hostMacOf}, from the interface's name, which holds the same hash; null for a name of another form. */
export function hostMacOfName(hostInterface: string): MacAddress | null {
  const digits = hostInterface.slice(HOST_INTERFACE_PREFIX.length);
  if (!hostInterface.startsWith(HOST_INTERFACE_PREFIX) || !HASH.test(digits)) return null;
  return macFromBytes(Uint8Array.of(0xfe, ...Buffer.from(digits.slice(0, 10), 'hex')));
}

export function describeAttachment(owner: AttachmentOwner): string {
  return `container ${owner.containerId} interface ${owner.ifname}`;
}

function ownerHash(owner: AttachmentOwner): Buffer {
  return createHash('sha256').update(`${owner.containerId}\0${owner.ifname}`).digest();
}
