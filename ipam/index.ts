/**
 * Door of `ipam/`: allocation of this node's pod addresses, and its record on disk. Not here: which CIDRs a node has
 * (configuration), interfaces (`cni/`), ownership of CIDRs among nodes (`mesh/`).
 */
export type { AddressOwner, AssignedAddress, LiveOwner } from './allocation.js';
export { podAddressCount, QUARANTINE_MS } from './allocator.js';
export type { CidrUsage } from './allocator.js';
export { Ipam } from './ipam.js';
export type { AllocationView, IpamOptions } from './ipam.js';
export { RECONCILE_GRACE_MS } from './reconciliation.js';
export type { ReconcileReport } from './reconciliation.js';
