/** The words of address allocation: who owns an address, and what the allocator remembers. */
import type { Cidr } from '../common/address/cidr.js';
import type { IpAddress } from '../common/address/ip-address.js';

/** One pod interface, in CNI's terms. The same owner always gets the same addresses. */
export interface AddressOwner {
  readonly containerId: string;
  readonly ifname: string;
}

/** An address given to an owner, with what its interface needs to know about it. */
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

/** A freed address, in quarantine at first, then waiting for its turn to be reused. */
export interface ReleasedAddress {
  readonly ip: IpAddress;
  /** The node's pod CIDR it may be reused from; null when it is in none. */
  readonly cidr: Cidr | null;
  /** On the caller's monotonic clock. */
  readonly releasedAtMs: number;
}

/** Never changed in place: every step makes a new one, so that a failed write to disk leaves nothing to undo. */
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
  /** Per CIDR, the offset of the first address that was never given out by choice of the allocator. */
  readonly cursors: ReadonlyMap<Cidr, bigint>;
  /** Addresses without history are not given out before: set when the history itself was lost. */
  readonly coldUntilMs: number;
}

/** A pod that exists, with the addresses found on its interface. */
export interface LiveOwner {
  readonly owner: AddressOwner;
  /** Empty when they could not be read: then what is recorded is taken as true. */
  readonly ips: readonly IpAddress[];
}

export function sameOwner(a: AddressOwner, b: AddressOwner): boolean {
  return a.containerId === b.containerId && a.ifname === b.ifname;
}

export function describeOwner(owner: AddressOwner): string {
  return `container ${owner.containerId} interface ${owner.ifname}`;
}
