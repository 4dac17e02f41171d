/**
 * Which address an owner gets: a pure allocator over this node's pod CIDRs. Every function takes a state and gives a new
 * one. `nowMs` is a monotonic clock: the wall clock appears nowhere, so that setting it can neither end a quarantine
 * nor prolong it. Not here: the disk (`allocation-store.ts`), comparing with what lives (`reconciliation.ts`).
 *
 * ```
 *  never used --allocate--> owned --release--> quarantined --60 s--> reusable --allocate--> owned
 * ```
 */
import { cidrAddressAt, cidrContains, cidrFamily, cidrNetwork, cidrSize, gatewayOf } from '../common/address/cidr.js';
import type { Cidr } from '../common/address/cidr.js';
import { AddressError, HeddleError } from '../common/errors.js';
import { ipFamily, ipToBigInt } from '../common/address/ip-address.js';
import type { IpAddress, IpFamily } from '../common/address/ip-address.js';
import { describeOwner, sameOwner } from './allocation.js';
import type { AddressOwner, AllocatorState, AssignedAddress, ReleasedAddress } from './allocation.js';

/** Connections to a pod's old address are given this long to end before the address means someone else. */
export const QUARANTINE_MS = 60_000;
/** Freed addresses remembered per CIDR before reuse is preferred to never-used addresses; bounds the state of a /64. */
const RELEASED_KEPT = 1024;
/** The network address and the gateway. */
const FIRST_POD_OFFSET = 2n;

export interface AllocationStep {
  /** The same object as before when nothing changed. */
  readonly state: AllocatorState;
  /** In the order of the CIDRs. */
  readonly addresses: readonly AssignedAddress[];
}

export interface CidrUsage {
  readonly cidr: Cidr;
  /** Addresses that pods can have: without network, gateway and broadcast address. */
  readonly total: number;
  readonly used: number;
  readonly quarantined: number;
}

/** Throws {@link AddressError} on two CIDRs of one family. */
export function emptyAllocator(cidrs: readonly Cidr[]): AllocatorState {
  for (const family of [4, 6] as const) {
    const same = cidrs.filter((cidr) => cidrFamily(cidr) === family);
    if (same.length > 1)
      throw new AddressError(`two IPv${family} pod CIDRs (${same.join(', ')}), expected at most one`);
  }
  return { cidrs, stopped: [], allocations: new Map(), released: [], cursors: new Map(), coldUntilMs: -Infinity };
}

/**
 * One address per configured family for the owner; those it has already are given again.
 * @param requested at most one per family, honoured if free
 * Throws ALLOCATION_EXHAUSTED when no address may be given out, ALLOCATION_CONFLICT when a requested address may not or
 * the CIDR was lost to another node; the state is then as before.
 */
export function allocate(
  state: AllocatorState,
  owner: AddressOwner,
  requested: readonly IpAddress[],
  nowMs: number,
): AllocationStep {
  const wanted = requestedByFamily(state, requested);
  let next = state;
  const addresses: AssignedAddress[] = [];
  for (const cidr of state.cidrs) {
    const held = heldIn(next, cidr, owner);
    const ip = held ?? choose(next, cidr, wanted.get(cidrFamily(cidr)), nowMs);
    if (held === undefined) next = own(next, ip, owner, nowMs);
    addresses.push({ ip, cidr, gateway: gatewayOf(cidr) });
  }
  return { state: forgetUnusable(next, nowMs), addresses };
}

/** Puts every address of the owner into quarantine; an owner without addresses is no error. */
export function release(state: AllocatorState, owner: AddressOwner, nowMs: number): AllocatorState {
  const ips = [...state.allocations].filter(([, held]) => sameOwner(held.owner, owner)).map(([ip]) => ip);
  return releaseAddresses(state, ips, nowMs);
}

export function releaseAddresses(state: AllocatorState, ips: readonly IpAddress[], nowMs: number): AllocatorState {
  if (ips.length === 0) return state;
  const allocations = new Map(state.allocations);
  for (const ip of ips) allocations.delete(ip);
  const freed = ips.map((ip) => ({ ip, cidr: cidrOf(state.cidrs, ip), releasedAtMs: nowMs }));
  return forgetUnusable({ ...state, allocations, released: [...state.released, ...freed] }, nowMs);
}

/** Records that the owner has this address, whatever was known about it. */
export function own(state: AllocatorState, ip: IpAddress, owner: AddressOwner, nowMs: number): AllocatorState {
  const allocations = new Map(state.allocations).set(ip, { owner, allocatedAtMs: nowMs });
  return {
    ...state,
    allocations,
    released: state.released.filter((freed) => freed.ip !== ip),
    cursors: pastCursor(state, ip),
  };
}

/** Replaces the list of CIDRs from which nothing new is given out; allocations in them stay. */
export function stopAllocatingFrom(state: AllocatorState, cidrs: readonly Cidr[]): AllocatorState {
  return { ...state, stopped: state.cidrs.filter((cidr) => cidrs.includes(cidr)) };
}

export function usageOf(state: AllocatorState, nowMs: number): readonly CidrUsage[] {
  return state.cidrs.map((cidr) => ({
    cidr,
    total: Number(podAddressCount(cidr)),
    used: [...state.allocations.keys()].filter((ip) => cidrContains(cidr, ip)).length,
    quarantined: releasedIn(state, cidr).filter((freed) => !isReusable(freed, nowMs)).length,
  }));
}

/** The one of the node's CIDRs that holds the address. */
export function cidrOf(cidrs: readonly Cidr[], ip: IpAddress): Cidr | null {
  return cidrs.find((cidr) => cidrContains(cidr, ip)) ?? null;
}

function requestedByFamily(state: AllocatorState, requested: readonly IpAddress[]): Map<IpFamily, IpAddress> {
  const byFamily = new Map<IpFamily, IpAddress>();
  for (const ip of requested) {
    const family = ipFamily(ip);
    if (byFamily.has(family))
      throw new AddressError(`more than one IPv${family} address requested (${requested.join(', ')})`);
    if (cidrOf(state.cidrs, ip) === null) {
      throw new AddressError(
        `requested address ${ip} is not in this node's pod CIDRs (${state.cidrs.join(', ') || 'none'})`,
      );
    }
    byFamily.set(family, ip);
  }
  return byFamily;
}

function heldIn(state: AllocatorState, cidr: Cidr, owner: AddressOwner): IpAddress | undefined {
  for (const [ip, held] of state.allocations) {
    if (sameOwner(held.owner, owner) && cidrContains(cidr, ip)) return ip;
  }
  return undefined;
}

function choose(state: AllocatorState, cidr: Cidr, requested: IpAddress | undefined, nowMs: number): IpAddress {
  if (state.stopped.includes(cidr)) {
    throw new HeddleError('ALLOCATION_CONFLICT', `no address is given out from ${cidr}: another node owns it`);
  }
  if (requested !== undefined) return checkRequested(state, cidr, requested, nowMs);
  const released = releasedIn(state, cidr);
  const oldest = released[0];
  const reusable = oldest !== undefined && isReusable(oldest, nowMs) ? oldest.ip : undefined;
  if (reusable !== undefined && released.length >= RELEASED_KEPT) return reusable;
  const ip = (nowMs >= state.coldUntilMs ? neverUsed(state, cidr) : undefined) ?? reusable;
  if (ip === undefined) throw exhausted(state, cidr, nowMs);
  return ip;
}

function checkRequested(state: AllocatorState, cidr: Cidr, ip: IpAddress, nowMs: number): IpAddress {
  const refuse = (why: string) => new HeddleError('ALLOCATION_CONFLICT', `requested address ${ip} ${why}`);
  const offset = ipToBigInt(ip) - ipToBigInt(cidrNetwork(cidr));
  if (offset < FIRST_POD_OFFSET || offset > lastPodOffset(cidr)) throw refuse(`is reserved in ${cidr}`);
  const holder = state.allocations.get(ip);
  if (holder !== undefined) throw refuse(`belongs to ${describeOwner(holder.owner)}`);
  const freed = state.released.find((entry) => entry.ip === ip);
  const freeAtMs = freed === undefined ? state.coldUntilMs : freed.releasedAtMs + QUARANTINE_MS;
  if (freeAtMs > nowMs) throw refuse(`is quarantined for another ${Math.ceil((freeAtMs - nowMs) / 1000)} s`);
  return ip;
}

function neverUsed(state: AllocatorState, cidr: Cidr): IpAddress | undefined {
  const last = lastPodOffset(cidr);
  const released = new Set(state.released.map((freed) => freed.ip));
  for (let offset = state.cursors.get(cidr) ?? FIRST_POD_OFFSET; offset <= last; offset++) {
    const ip = cidrAddressAt(cidr, offset);
    if (!state.allocations.has(ip) && !released.has(ip)) return ip;
  }
  return undefined;
}

/** The cursors once `ip` is taken: the one that stood there moves past everything that has a history. */
function pastCursor(state: AllocatorState, ip: IpAddress): ReadonlyMap<Cidr, bigint> {
  const cidr = cidrOf(state.cidrs, ip);
  if (cidr === null || ip !== neverUsed(state, cidr)) return state.cursors;
  return new Map(state.cursors).set(cidr, ipToBigInt(ip) - ipToBigInt(cidrNetwork(cidr)) + 1n);
}

/** Drops freed addresses that are out of quarantine and outside every CIDR: nobody can be given them. */
function forgetUnusable(state: AllocatorState, nowMs: number): AllocatorState {
  const released = state.released.filter((freed) => freed.cidr !== null || !isReusable(freed, nowMs));
  return released.length === state.released.length ? state : { ...state, released };
}

function isReusable(freed: ReleasedAddress, nowMs: number): boolean {
  return nowMs - freed.releasedAtMs >= QUARANTINE_MS;
}

function releasedIn(state: AllocatorState, cidr: Cidr): readonly ReleasedAddress[] {
  return state.released.filter((freed) => freed.cidr === cidr);
}

function lastPodOffset(cidr: Cidr): bigint {
  return cidrSize(cidr) - (cidrFamily(cidr) === 4 ? 2n : 1n);
}

function podAddressCount(cidr: Cidr): bigint {
  const count = lastPodOffset(cidr) - FIRST_POD_OFFSET + 1n;
  return count > 0n ? count : 0n;
}

function exhausted(state: AllocatorState, cidr: Cidr, nowMs: number): HeddleError {
  const usage = usageOf(state, nowMs).find((entry) => entry.cidr === cidr)!;
  const cold =
    nowMs < state.coldUntilMs ? '; never-used ones are held back because the record of freed ones was lost' : '';
  return new HeddleError(
    'ALLOCATION_EXHAUSTED',
    `no free address in ${cidr}: ${usage.used} of ${usage.total} in use, ${usage.quarantined} quarantined${cold}`,
  );
}
