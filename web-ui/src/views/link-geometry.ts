/** End points of links on the map, in pixels of the stage. */
import { computed } from '@preact/signals';
import type { TopologyLink } from '../../../common/api.js';
import type { Point } from '../map-layout/point.js';
import { DOT_LIFT } from './map-node-shapes.js';
import { positions, stage } from './map-state.js';

export interface Ends {
  readonly from: Point;
  readonly to: Point;
}

/** Distance of a node's centre above the middle of its box. */
const lift = computed(() => (stage.value.tier === 'dot' ? DOT_LIFT : 0));

/** Null while an end has no place. */
export function endsOf(link: TopologyLink): Ends | null {
  const from = positions.value.get(link.a);
  const to = positions.value.get(link.b);
  if (from === undefined || to === undefined) return null;
  return { from: { x: from.x, y: from.y - lift.value }, to: { x: to.x, y: to.y - lift.value } };
}
