/** The words of attaching: who is attached, how its interfaces are named, what it is given. */
import { createHash } from 'node:crypto';
import type { Cidr } from '../common/address/cidr.js';
import type { IpAddress } from '../common/address/ip-address.js';
import { macFromBytes } from '../common/address/mac-address.js';
import type { MacAddress } from '../common/address/mac-address.js';

/** One pod interface, in CNI's terms. */
export interface AttachmentOwner {
  readonly containerId: string;
  readonly ifname: string;
}

/** An address of the pod, the node's pod CIDR it comes from and that CIDR's gateway. */
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
  /** Source address of what the pod sends along it. */
  readonly source: IpAddress;
}

/** Everything the kernel must be told to attach a pod. */
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
}

/** What is remembered of an attached pod. */
export interface EndpointRecord extends AttachmentOwner {
  readonly network: string;
  readonly netns: string;
  readonly hostInterface: string;
  readonly mac: MacAddress;
  readonly ips: readonly IpAddress[];
  readonly podNamespace: string | null;
  readonly podName: string | null;
  /** ISO 8601, UTC. */
  readonly since: string;
}

export const HOST_INTERFACE_PREFIX = 'hd';
/** IFNAMSIZ leaves 15 characters; 13 hex digits are 52 bits: 1023 pods collide with odds below 1e-9. */
const HASH_DIGITS = 13;
const HASH = /^[0-9a-f]{13}$/;

/** The bridge port of a pod, always the same one, so that what a crash left behind is found again. */
export function hostInterfaceOf(owner: AttachmentOwner): string {
  return HOST_INTERFACE_PREFIX + ownerHash(owner).toString('hex').slice(0, HASH_DIGITS);
}

/** The port's own MAC: locally administered, and high, so that a bridge never takes it for its own. */
export function hostMacOf(owner: AttachmentOwner): MacAddress {
  return macFromBytes(Uint8Array.of(0xfe, ...ownerHash(owner).subarray(0, 5)));
}

/** As {@link hostMacOf}, from the port's name, which holds the same hash; null when the name is none of ours. */
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
