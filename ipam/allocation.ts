/** Types of address allocation: owner, assigned and released address, allocator state. */
import type { Cidr } from '../common/address/cidr.js';
import type { IpAddress } from '../common/address/ip-address.js';

/** The CNI key of a pod interface. The same owner always gets the same addresses. */
export interface AddressOwner {
  readonly containerId: string;
  readonly ifname: string;
  /** Namespace and name of the pod, where the runtime tells them: they stay when its container is replaced. */
  readonly pod?: string;
}

/** An address allocated to an owner, with its CIDR and gateway. */
export interface AssignedAddress {
  readonly ip: IpAddress;
  /** The node's pod CIDR it comes from. */
  readonly cidr: Cidr;
  readonly gateway: IpAddress;
}

export interface Allocation {
  readonly owner: AddressOwner;
  /** On the caller's monotonic clock; -Infinity for one that an earlier process made. */
  readonly allocatedAtMs: number;
}

/** A freed address: in quarantine, then reusable at no cost. */
export interface ReleasedAddress {
  readonly ip: IpAddress;
  /** The node's pod CIDR it may be reused from; null when it is in none. */
  readonly cidr: Cidr | null;
  /** On the caller's monotonic clock. */
  readonly releasedAtMs: number;
  /** Who had it; null in the record of an earlier version. */
  readonly owner: AddressOwner | null;
}

/** Immutable: every step makes a new state, so that after a failed write to disk the old one is still valid. */
export interface AllocatorState {
  /** This node's pod CIDRs, in the order of preference within a family. None overlaps another. */
  readonly cidrs: readonly Cidr[];
  /** Pod CIDRs that were taken from this node while pods have addresses from them. Nothing new is given out from these. */
  readonly withdrawn: readonly Cidr[];
  /** Of those, the ones that another node has won. */
  readonly stopped: readonly Cidr[];
  /** Bounded by the size of the CIDRs, and by the number of pods a bridge takes (1023 ports). */
  readonly allocations: ReadonlyMap<IpAddress, Allocation>;
  /** Oldest first. Bounded: see RELEASED_KEPT in allocator.ts. */
  readonly released: readonly ReleasedAddress[];
  /** Per CIDR, the offset of the first address that the allocator never chose. */
  readonly cursors: ReadonlyMap<Cidr, bigint>;
  /** Never-used addresses count as freed until this time; set after the record of freed ones was lost. */
  readonly coldUntilMs: number;
}

/** A pod that exists, with the addresses found on its interface. */
export interface LiveOwner {
  readonly owner: AddressOwner;
  /** Empty when they could not be read; the recorded addresses then stay. */
  readonly ips: readonly IpAddress[];
}

export function sameOwner(a: AddressOwner, b: AddressOwner): boolean {
  return a.containerId === b.containerId && a.ifname === b.ifname;
}

/** Whether `next` is the same pod as `before`, in the same container or in the one that replaces it. */
export function isSamePod(before: AddressOwner, next: AddressOwner): boolean {
  const renewed = before.pod !== undefined && before.pod === next.pod && before.ifname === next.ifname;
  return renewed || sameOwner(before, next);
}

export function describeOwner(owner: AddressOwner): string {
  return `container ${owner.containerId} interface ${owner.ifname}`;
}
