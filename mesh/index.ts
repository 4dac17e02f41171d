/**
 * Door of `mesh/`: one pure core of handshakes, links, membership, adverts and ownership of pod CIDRs.
 * Not here: sockets, timers and files (`agent/`), the router's tables (`router/`).
 */
export { decodeIdentity, encodeIdentity, generateIdentity } from './wire/identity.js';
export type { NodeIdentity } from './wire/identity.js';
export { Mesh } from './mesh.js';
export { secretIdOf } from './wire/cluster-keys.js';
export { MAX_CLUSTER_SECRETS } from './wire/cluster-secrets.js';
export type { MeshOptions } from './mesh-parts.js';
export type * from './mesh-io.js';
