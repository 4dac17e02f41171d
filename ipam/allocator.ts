/**
 * Allocator of pod addresses from this node's pod CIDRs. Pure: every function takes a state and gives a new one. `nowMs` is
 * a monotonic clock, so that a change of the wall clock does not move the end of a quarantine. Not here: the disk
 * (`allocation-store.ts`), the comparison with live pods (`reconciliation.ts`).
 *
 * ```
 *  never used --allocate--> owned --release--> quarantined --60 s--> reusable --allocate--> owned
 *                                                  '--- when nothing else is free ---^
 * ```
 */
import {
  cidrAddressAt,
  cidrContains,
  cidrFamily,
  cidrNetwork,
  cidrSize,
  cidrsOverlap,
  gatewayOf,
} from '../common/address/cidr.js';
import type { Cidr } from '../common/address/cidr.js';
import { AddressError, HeddleError } from '../common/errors.js';
import { ipFamily, ipToBigInt } from '../common/address/ip-address.js';
import type { IpAddress, IpFamily } from '../common/address/ip-address.js';
import { describeOwner, isSamePod, sameOwner } from './allocation.js';
import type { AddressOwner, AllocatorState, AssignedAddress, ReleasedAddress } from './allocation.js';

/**
 * Time for connections to a pod's old address to end before another pod gets the address. It is a courtesy, not a promise:
 * when nothing else is free, the address that was freed first is given before its time.
 */
export const QUARANTINE_MS = 60_000;
/** Freed addresses kept per CIDR; above it, reuse is preferred to never-used addresses. Bounds the state of a /64. */
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
  /** Whether the CIDR was taken from this node: its pods keep their addresses, no new pod gets one. */
  readonly withdrawn: boolean;
  /** Addresses that pods can have: without network, gateway and broadcast address. */
  readonly total: number;
  readonly used: number;
  readonly quarantined: number;
}

/** State without allocations. Throws {@link AddressError} on CIDRs that overlap. */
export function emptyAllocator(cidrs: readonly Cidr[]): AllocatorState {
  requireDisjoint(cidrs);
  return {
    cidrs,
    withdrawn: [],
    stopped: [],
    allocations: new Map(),
    released: [],
    cursors: new Map(),
    coldUntilMs: -Infinity,
  };
}

/**
 * Replaces the node's pod CIDRs. One that is gone stays as withdrawn while a pod has an address from it; addresses freed
 * from it are forgotten once their quarantine is over. Throws {@link AddressError} on CIDRs that overlap.
 */
export function useCidrs(state: AllocatorState, cidrs: readonly Cidr[], nowMs: number): AllocatorState {
  requireDisjoint(cidrs);
  if (sameCidrs(state.cidrs, cidrs)) return state;
  const gone = [...state.cidrs, ...state.withdrawn].filter((cidr) => !cidrs.includes(cidr));
  const next = {
    ...state,
    cidrs,
    withdrawn: gone,
    stopped: state.stopped.filter((cidr) => cidrs.includes(cidr)),
    released: state.released.map((freed) => ({ ...freed, cidr: cidrOf(cidrs, freed.ip) })),
    cursors: new Map([...state.cursors].filter(([cidr]) => cidrs.includes(cidr))),
  };
  return forgetUnused(next, nowMs);
}

/**
 * One address per family of the node's pod CIDRs; the owner's present ones are given again, from a withdrawn CIDR too.
 * @param requested at most one per family, allocated if free
 * Throws ALLOCATION_EXHAUSTED when pods have all addresses, ALLOCATION_CONFLICT when a requested address is not free or the
 * CIDR was lost to another node; the state is then as before. A requested address is free to the pod that had it at once,
 * to another one after its quarantine.
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
  for (const family of familiesOf(state.cidrs)) {
    const held = heldOf(next, family, owner);
    if (held !== undefined) requireSame(held, wanted.get(family));
    const ip = held ?? choose(next, family, owner, wanted.get(family), nowMs);
    if (held === undefined) next = own(next, ip, owner, nowMs);
    const cidr = cidrOf([...state.cidrs, ...state.withdrawn], ip)!;
    addresses.push({ ip, cidr, gateway: gatewayOf(cidr) });
  }
  return { state: forgetUnused(next, nowMs), addresses };
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
  const freed = ips.map((ip) => {
    const owner = state.allocations.get(ip)?.owner ?? null;
    return { ip, cidr: cidrOf(state.cidrs, ip), releasedAtMs: nowMs, owner };
  });
  return forgetUnused({ ...state, allocations, released: [...state.released, ...freed] }, nowMs);
}

/** Records the owner of an address, also of one that is recorded otherwise. */
export function own(state: AllocatorState, ip: IpAddress, owner: AddressOwner, nowMs: number): AllocatorState {
  const allocations = new Map(state.allocations).set(ip, { owner, allocatedAtMs: nowMs });
  return {
    ...state,
    allocations,
    released: state.released.filter((freed) => freed.ip !== ip),
    cursors: pastCursor(state, ip),
  };
}

/** Replaces the list of CIDRs without new allocations; existing allocations stay. */
export function stopAllocatingFrom(state: AllocatorState, cidrs: readonly Cidr[]): AllocatorState {
  return { ...state, stopped: state.cidrs.filter((cidr) => cidrs.includes(cidr)) };
}

export function usageOf(state: AllocatorState, nowMs: number): readonly CidrUsage[] {
  return [...state.cidrs, ...state.withdrawn].map((cidr) => ({
    cidr,
    withdrawn: state.withdrawn.includes(cidr),
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

function requireSame(held: IpAddress, requested: IpAddress | undefined): void {
  if (requested === undefined || requested === held) return;
  throw new HeddleError('ALLOCATION_CONFLICT', `requested address ${requested}: this interface already has ${held}`);
}

function heldOf(state: AllocatorState, family: IpFamily, owner: AddressOwner): IpAddress | undefined {
  const served = [...state.cidrs, ...state.withdrawn];
  for (const [ip, held] of state.allocations) {
    if (sameOwner(held.owner, owner) && ipFamily(ip) === family && cidrOf(served, ip) !== null) return ip;
  }
  return undefined;
}

/** A free address of the first CIDR of the family that has one; the error names the use of every CIDR. */
function choose(
  state: AllocatorState,
  family: IpFamily,
  owner: AddressOwner,
  requested: IpAddress | undefined,
  nowMs: number,
): IpAddress {
  const cidrs = state.cidrs.filter((cidr) => cidrFamily(cidr) === family);
  if (requested !== undefined) return checkRequested(state, owner, requested, nowMs);
  const open = cidrs.filter((cidr) => !state.stopped.includes(cidr));
  if (open.length === 0) throw stopped(cidrs);
  for (const cidr of open) {
    const ip = nextFree(state, cidr, nowMs);
    if (ip !== undefined) return ip;
  }
  const early = beforeItsTime(state, open);
  if (early === undefined) throw exhausted(state, open, nowMs);
  return early;
}

function nextFree(state: AllocatorState, cidr: Cidr, nowMs: number): IpAddress | undefined {
  const released = releasedIn(state, cidr);
  const oldest = released[0];
  const reusable = oldest !== undefined && isReusable(oldest, nowMs) ? oldest.ip : undefined;
  if (reusable !== undefined && released.length >= RELEASED_KEPT) return reusable;
  return (nowMs >= state.coldUntilMs ? neverUsed(state, cidr) : undefined) ?? reusable;
}

/** A never-used address that is held back, else the one freed first. */
function beforeItsTime(state: AllocatorState, open: readonly Cidr[]): IpAddress | undefined {
  for (const cidr of open) {
    const ip = neverUsed(state, cidr);
    if (ip !== undefined) return ip;
  }
  return state.released.find((freed) => freed.cidr !== null && open.includes(freed.cidr))?.ip;
}

function checkRequested(state: AllocatorState, owner: AddressOwner, ip: IpAddress, nowMs: number): IpAddress {
  const cidr = cidrOf(state.cidrs, ip)!;
  if (state.stopped.includes(cidr)) throw stopped([cidr]);
  const refuse = (why: string) => new HeddleError('ALLOCATION_CONFLICT', `requested address ${ip} ${why}`);
  const offset = ipToBigInt(ip) - ipToBigInt(cidrNetwork(cidr));
  if (offset < FIRST_POD_OFFSET || offset > lastPodOffset(cidr)) throw refuse(`is reserved in ${cidr}`);
  const holder = state.allocations.get(ip);
  if (holder !== undefined) throw refuse(`belongs to ${describeOwner(holder.owner)}`);
  const freed = state.released.find((entry) => entry.ip === ip);
  if (freed?.owner && isSamePod(freed.owner, owner)) return ip;
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

/** Drops freed addresses that are out of quarantine and in no CIDR, and withdrawn CIDRs without pods. */
function forgetUnused(state: AllocatorState, nowMs: number): AllocatorState {
  const released = state.released.filter((freed) => freed.cidr !== null || !isReusable(freed, nowMs));
  const withdrawn = state.withdrawn.filter((cidr) => isStillUsed(state, cidr));
  const same = released.length === state.released.length && withdrawn.length === state.withdrawn.length;
  return same ? state : { ...state, released, withdrawn };
}

/** Whether a pod has an address from the withdrawn CIDR that is in none of the present ones. */
function isStillUsed(state: AllocatorState, cidr: Cidr): boolean {
  return [...state.allocations.keys()].some((ip) => cidrContains(cidr, ip) && cidrOf(state.cidrs, ip) === null);
}

function requireDisjoint(cidrs: readonly Cidr[]): void {
  cidrs.forEach((a, i) => {
    const b = cidrs.slice(i + 1).find((other) => cidrsOverlap(a, other));
    if (b !== undefined) throw new AddressError(`pod CIDRs ${a} and ${b} overlap`);
  });
}

function sameCidrs(a: readonly Cidr[], b: readonly Cidr[]): boolean {
  return a.length === b.length && a.every((cidr, i) => cidr === b[i]);
}

/** In the order of their first CIDR. */
function familiesOf(cidrs: readonly Cidr[]): IpFamily[] {
  return [...new Set(cidrs.map(cidrFamily))];
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

/** Addresses of a pod CIDR that pods can have. */
export function podAddressCount(cidr: Cidr): bigint {
  const count = lastPodOffset(cidr) - FIRST_POD_OFFSET + 1n;
  return count > 0n ? count : 0n;
}

function stopped(cidrs: readonly Cidr[]): HeddleError {
  return new HeddleError(
    'ALLOCATION_CONFLICT',
    `no address is allocated from ${cidrs.join(', ')}: another node owns it; give every node its own pod CIDR`,
  );
}

function exhausted(state: AllocatorState, cidrs: readonly Cidr[], nowMs: number): HeddleError {
  const usages = usageOf(state, nowMs).filter(({ cidr }) => cidrs.includes(cidr));
  const full = usages.map(({ cidr, used, total }) => `${cidr}: ${used} of ${total} in use`);
  return new HeddleError('ALLOCATION_EXHAUSTED', `no free address in ${full.join('; ')}`);
}
