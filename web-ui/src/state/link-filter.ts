/** Filter of the links on the map. A full mesh of 100 nodes has 4950 links, too many to tell apart. Pure. */
import type { TopologyLink } from '../../../common/api.js';
import type { Mesh } from './mesh.js';
import type { Selection } from './selection.js';
import { touchesSelection } from './selection.js';

export const LINK_FILTERS = ['auto', 'all', 'problems'] as const;
/** auto: all in a small mesh, otherwise as problems. problems: links that are not up, and links of the selection. */
export type LinkFilter = (typeof LINK_FILTERS)[number];

/** Largest mesh in which every link can be told apart. */
export const MAX_NODES_WITH_ALL_LINKS = 20;

export function visibleLinks(mesh: Mesh, filter: LinkFilter, selection: Selection): readonly TopologyLink[] {
  const all = filter === 'all' || (filter === 'auto' && mesh.nodes.length <= MAX_NODES_WITH_ALL_LINKS);
  if (all) return mesh.links;
  return mesh.links.filter((link) => link.state !== 'up' || touchesSelection(selection, link.a, link.b));
}
