/**
 * Door of `agent/host-network/`: the host's side of the pod network, compared with what is wanted and mended.
 * Not here: pods' interfaces (`cni/`), descriptors (`supervisor/`).
 */
export { GUARD_TABLE } from './guard-table.js';
export { NAT_TABLE } from './nat-table.js';
