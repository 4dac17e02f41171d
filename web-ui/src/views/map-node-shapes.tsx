/** Shapes of a node in its three sizes, around its own origin. Not here: place and events (`map-node.tsx`). */
import type { TopologyNode } from '../../../common/api.js';
import { formatCount, plural, shorten } from '../format.js';
import type { NodeTier } from '../map-layout/stage.js';
import { NODE_SIZES } from '../map-layout/stage.js';
import { shortenMiddle } from '../state/labels.js';
import { labelOf } from '../state/store.js';
import { StateShape } from '../ui/icons.js';

/** Distance of a dot's circle above the middle of its box, since its name is below. */
export const DOT_LIFT = 9;
const DOT_RADIUS = 15;
const POD_STEP = 11;

export function NodeShape({ node, tier }: { node: TopologyNode; tier: NodeTier }) {
  switch (tier) {
    case 'card':
      return <CardShape node={node} />;
    case 'chip':
      return <ChipShape node={node} />;
    case 'dot':
      return <DotShape node={node} />;
  }
}

function CardShape({ node }: { node: TopologyNode }) {
  const { width, height } = NODE_SIZES.card;
  const [left, top] = [-width / 2, -height / 2];
  return (
    <>
      <rect class="node-ground" x={left} y={top} width={width} height={height} rx="14" />
      <g transform={`translate(${left + 20} ${top + 22})`}>
        <StateShape state={node.state} />
      </g>
      <text class="node-name" x={left + 34} y={top + 27}>
        {shortenMiddle(labelOf(node), 19)}
      </text>
      <text class="node-cidrs" x={left + 15} y={top + 48}>
        {describeCidrs(node.podCidrs)}
      </text>
      <PodDots count={node.podCount ?? 0} x={left + 19} y={top + 66} most={10} />
      <text class="node-pods" x={left + width - 14} y={top + 70}>
        {plural(node.podCount, 'pod')}
      </text>
      {node.self ? <SelfTag x={left + width - 16} y={top} /> : null}
    </>
  );
}

function describeCidrs(cidrs: readonly string[]): string {
  const [first, ...others] = cidrs;
  if (first === undefined) return 'no pod CIDR';
  return others.length === 0 ? shorten(first, 25) : `${shorten(first, 21)} +${others.length}`;
}

function SelfTag({ x, y }: { x: number; y: number }) {
  return (
    <g class="self-tag" transform={`translate(${x} ${y})`}>
      <rect x="-62" y="-9" width="62" height="18" rx="9" />
      <text x="-31" y="3.5">
        this node
      </text>
    </g>
  );
}

/** One dot per pod, from left to right; the last is a plus when there are more. */
function PodDots({ count, x, y, most }: { count: number; x: number; y: number; most: number }) {
  const dots = Math.min(count, most);
  return (
    <g class="pod-dots" transform={`translate(${x} ${y})`}>
      {Array.from({ length: dots }, (_, index) =>
        index === most - 1 && count > most ? (
          <path key={index} d={`M${index * POD_STEP - 3} 0h6m-3-3v6`} />
        ) : (
          <circle key={index} cx={index * POD_STEP} r="3.7" />
        ),
      )}
    </g>
  );
}

function ChipShape({ node }: { node: TopologyNode }) {
  const { width, height } = NODE_SIZES.chip;
  const [left, top] = [-width / 2, -height / 2];
  return (
    <>
      <rect class="node-ground" x={left} y={top} width={width} height={height} rx="12" />
      <g transform={`translate(${left + 16} ${top + 17})`}>
        <StateShape state={node.state} />
      </g>
      <text class="node-name is-small" x={left + 28} y={top + 21}>
        {shortenMiddle(labelOf(node), 14)}
      </text>
      <PodDots count={node.podCount ?? 0} x={left + 16} y={top + 35} most={8} />
      <text class="node-pods" x={left + width - 11} y={top + 39}>
        {formatCount(node.podCount)}
      </text>
    </>
  );
}

function DotShape({ node }: { node: TopologyNode }) {
  return (
    <g transform={`translate(0 ${-DOT_LIFT})`}>
      <PodRing count={node.podCount ?? 0} />
      <circle class="node-ground" r={DOT_RADIUS} />
      <text class="dot-count" y="4">
        {formatCount(node.podCount)}
      </text>
      {node.state === 'up' ? null : (
        <g transform="translate(12 -11)">
          <StateShape state={node.state} />
        </g>
      )}
      <text class="dot-name" y={DOT_RADIUS + 15}>
        {shortenMiddle(labelOf(node), 13)}
      </text>
    </g>
  );
}

/** Pods as small dots around the circle, from the top clockwise; at most 24. */
function PodRing({ count }: { count: number }) {
  const dots = Math.min(count, 24);
  const step = Math.min(Math.PI / 8, (2 * Math.PI) / Math.max(1, dots));
  return (
    <g class="pod-dots">
      {Array.from({ length: dots }, (_, index) => {
        const angle = index * step - Math.PI / 2;
        const radius = DOT_RADIUS + 4.5;
        return <circle key={index} cx={radius * Math.cos(angle)} cy={radius * Math.sin(angle)} r="1.5" />;
      })}
    </g>
  );
}
