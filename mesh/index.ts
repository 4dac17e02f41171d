/**
 * Door of `mesh/`: identity, handshake, links, membership, adverts and the ownership table, as one pure core.
 * Not here: sockets, timers, files, the router's tables (`router/`), who runs the core (`agent/`).
 */
export type * from './mesh-io.js';
