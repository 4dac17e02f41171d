/** Which links are drawn: a full mesh of a hundred nodes has 4950, and drawing them all shows nothing. Pure. */
import type { TopologyLink } from '../../../common/api.js';
import type { Mesh } from './mesh.js';
import type { Selection } from './selection.js';
import { touchesSelection } from './selection.js';

export const LINK_FILTERS = ['auto', 'all', 'problems'] as const;
/** auto: all in a small mesh, otherwise as problems. problems: those not up, and those of what is selected. */
export type LinkFilter = (typeof LINK_FILTERS)[number];

/** Up to here the eye can still follow every link. */
export const MAX_NODES_WITH_ALL_LINKS = 20;

export function visibleLinks(mesh: Mesh, filter: LinkFilter, selection: Selection): readonly TopologyLink[] {
  const all = filter === 'all' || (filter === 'auto' && mesh.nodes.length <= MAX_NODES_WITH_ALL_LINKS);
  if (all) return mesh.links;
  return mesh.links.filter((link) => link.state !== 'up' || touchesSelection(selection, link.a, link.b));
}
