/** Routes as agent and router both keep them, to agree on what a change of tables says (ADR 0049). */
import type { Cidr } from './address/cidr.js';
import type { NodeId } from './node-id.js';
import type { TablesChange } from './router-port.js';

export function changeRoutes(
  kept: Map<Cidr, NodeId>,
  { removed, routes }: Pick<TablesChange, 'removed' | 'routes'>,
): void {
  for (const cidr of removed) kept.delete(cidr);
  for (const { cidr, peer } of routes) kept.set(cidr, peer);
}

/** Removes those to a peer, as the router does with the peer. */
export function removeRoutesTo(id: NodeId, kept: Map<Cidr, NodeId>): void {
  for (const [cidr, peer] of kept) if (peer === id) kept.delete(cidr);
}
