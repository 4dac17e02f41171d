/**
 * Door of `router/`, the data plane. It owns the TAP and the underlay socket, the arena, the tables in the form the loop
 * reads, sealing and opening. Not here: members and their keys (`mesh/`), addresses of pods (`ipam/`, `cni/`), interfaces and
 * routes of the host (`agent/`). The process is `process/router-main.ts`.
 */
export { TAP_QUEUES_PER_LANE } from './limits.js';
export { forbidRings } from './kernel/confinement.js';
export { NetlinkSocket } from './kernel/netlink-socket.js';
export type { NetlinkProtocol } from './kernel/netlink-socket.js';
export { interfaceIndex, openTap } from './kernel/tap-device.js';
export { inNetworkNamespace, openNetworkNamespace } from './kernel/network-namespace.js';
export { endOfProgram, spawnProgram } from './kernel/program-spawner.js';
export type { SpawnedProgram } from './kernel/program-spawner.js';
export { DescriptorInbox, sendDescriptors } from './kernel/passed-descriptors.js';
export { checkDescriptors, takeDescriptors } from './kernel/taken-descriptors.js';
export { openUnderlaySockets } from './kernel/underlay-socket.js';
export { DROP_REASONS } from './tables/drop-reasons.js';
