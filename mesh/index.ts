/**
 * Door of `mesh/`: identity, handshake, links, membership, adverts and the ownership table, as one pure core.
 * Not here: sockets, timers, files, the router's tables (`router/`), who runs the core (`agent/`).
 */
export { decodeIdentity, encodeIdentity, generateIdentity } from './wire/identity.js';
export type { NodeIdentity } from './wire/identity.js';
export { Mesh } from './mesh.js';
export type { MeshOptions } from './mesh-parts.js';
export type * from './mesh-io.js';
