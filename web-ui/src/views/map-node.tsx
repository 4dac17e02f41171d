/** Node on the map: its place, and its pointer and keyboard events. Dragging pins it. */
import type { TopologyNode } from '../../../common/api.js';
import { plural } from '../format.js';
import { isSelectedNode } from '../state/selection.js';
import { foundIds, selection, selectNode } from '../state/store.js';
import { STATE_WORDS } from '../ui/state-pill.js';
import { NodeShape } from './map-node-shapes.js';
import { dragNode, dropNode, hovered, pins, positions, stage } from './map-state.js';

/** A pointer that moves less has clicked. */
const DRAG_PIXELS = 4;

export function MapNode({ node }: { node: TopologyNode }) {
  const at = positions.value.get(node.id);
  if (at === undefined) return null;
  const onKey = (event: KeyboardEvent): void => {
    if (event.key !== 'Enter' && event.key !== ' ') return;
    event.preventDefault();
    selectNode(node.id);
  };
  return (
    <g
      class={classesOf(node)}
      data-node={node.id}
      transform={`translate(${at.x.toFixed(2)} ${at.y.toFixed(2)})`}
      role="button"
      tabindex={0}
      aria-pressed={isSelectedNode(selection.value, node.id)}
      aria-label={describe(node)}
      onPointerDown={(event) => onPointerDown(event, node.id)}
      onPointerEnter={() => (hovered.value = node.id)}
      onPointerLeave={() => (hovered.value = null)}
      onKeyDown={onKey}
    >
      <title>{describe(node)}</title>
      <NodeShape node={node} tier={stage.value.tier} />
    </g>
  );
}

function describe(node: TopologyNode): string {
  return `${node.name}, ${STATE_WORDS[node.state]}, ${plural(node.podCount, 'pod')}`;
}

function classesOf(node: TopologyNode): string {
  const missed = foundIds.value !== null && !foundIds.value.has(node.id);
  return [
    `node is-${node.state}`,
    stage.value.tier,
    isSelectedNode(selection.value, node.id) ? 'is-selected' : '',
    pins.value.has(node.id) ? 'is-pinned' : '',
    missed ? 'is-aside' : '',
  ].join(' ');
}

function onPointerDown(event: PointerEvent & { readonly currentTarget: SVGGElement }, id: string): void {
  event.stopPropagation();
  if (event.button !== 0) return;
  const element = event.currentTarget;
  const frame = element.ownerSVGElement?.getBoundingClientRect();
  let moved = false;
  const onMove = (next: PointerEvent): void => {
    moved ||= Math.hypot(next.clientX - event.clientX, next.clientY - event.clientY) > DRAG_PIXELS;
    if (moved && frame !== undefined) dragNode(id, { x: next.clientX - frame.left, y: next.clientY - frame.top });
  };
  const onUp = (): void => {
    element.removeEventListener('pointermove', onMove);
    if (moved) dropNode();
    else selectNode(id);
  };
  element.setPointerCapture(event.pointerId);
  element.addEventListener('pointermove', onMove);
  element.addEventListener('pointerup', onUp, { once: true });
}
