/**
 * Reconciliation of the allocator with live pods: adopts unrecorded addresses of live pods and frees addresses whose pod is
 * gone. Pure, like `allocator.ts`.
 */
import { ipToBigInt } from '../common/address/ip-address.js';
import type { IpAddress } from '../common/address/ip-address.js';
import { describeOwner, sameOwner } from './allocation.js';
import type { AddressOwner, AllocatorState, LiveOwner } from './allocation.js';
import { own, releaseAddresses } from './allocator.js';

/** A younger allocation may belong to a pod that is being attached; a CNI call takes 10 s at most. */
export const RECONCILE_GRACE_MS = 120_000;

export interface ReconcileReport {
  readonly adopted: readonly IpAddress[];
  readonly freed: readonly IpAddress[];
  /** One sentence per address that two live pods have, for the operator. */
  readonly conflicts: readonly string[];
}

export interface ReconcileStep {
  readonly state: AllocatorState;
  readonly report: ReconcileReport;
}

export function reconcile(state: AllocatorState, live: readonly LiveOwner[], nowMs: number): ReconcileStep {
  const holders = liveHolders(live);
  const adopted: IpAddress[] = [];
  let next = state;
  for (const [ip, owner] of holders.owners) {
    const known = next.allocations.get(ip);
    if (known !== undefined && sameOwner(known.owner, owner)) continue;
    next = own(next, ip, owner, nowMs);
    adopted.push(ip);
  }
  const unread = live.filter((pod) => pod.ips.length === 0).map((pod) => pod.owner);
  const freed = [...next.allocations]
    .filter(([ip]) => !holders.owners.has(ip))
    .filter(([, held]) => nowMs - held.allocatedAtMs >= RECONCILE_GRACE_MS)
    .filter(([, held]) => !unread.some((owner) => sameOwner(owner, held.owner)))
    .map(([ip]) => ip)
    .sort((a, b) => (ipToBigInt(a) < ipToBigInt(b) ? -1 : 1));
  return { state: releaseAddresses(next, freed, nowMs), report: { adopted, freed, conflicts: holders.conflicts } };
}

/** Owners by address. Of two live pods with one address, the first is its owner. */
function liveHolders(live: readonly LiveOwner[]): { owners: Map<IpAddress, AddressOwner>; conflicts: string[] } {
  const owners = new Map<IpAddress, AddressOwner>();
  const conflicts: string[] = [];
  for (const pod of live) {
    for (const ip of pod.ips) {
      const other = owners.get(ip);
      if (other === undefined) owners.set(ip, pod.owner);
      else if (!sameOwner(other, pod.owner)) {
        conflicts.push(`${ip} is on both ${describeOwner(other)} and ${describeOwner(pod.owner)}`);
      }
    }
  }
  return { owners, conflicts };
}
