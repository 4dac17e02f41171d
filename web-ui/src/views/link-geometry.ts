/** Where links begin and end on the map, in the stage's pixels. */
import { computed } from '@preact/signals';
import type { TopologyLink } from '../../../common/api.js';
import type { Point } from '../map-layout/point.js';
import { DOT_LIFT } from './map-node-shapes.js';
import { positions, stage } from './map-state.js';

export interface Ends {
  readonly from: Point;
  readonly to: Point;
}

/** How far above its box's middle a node's own middle is. */
const lift = computed(() => (stage.value.tier === 'dot' ? DOT_LIFT : 0));

/** Null while one of the ends has no place yet. */
export function endsOf(link: TopologyLink): Ends | null {
  const from = positions.value.get(link.a);
  const to = positions.value.get(link.b);
  if (from === undefined || to === undefined) return null;
  return { from: { x: from.x, y: from.y - lift.value }, to: { x: to.x, y: to.y - lift.value } };
}
