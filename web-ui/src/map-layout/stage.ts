/**
 * Stage: mapping of the unit circle of `node-layout.ts` to the canvas, with size and distance of nodes. Nodes that fit fill
 * the canvas at natural size; otherwise the stage is larger than the canvas and the view zooms out. Pure.
 */
import { FIELD_ASPECT } from './node-layout.js';
import { MAX_NODES_WITH_ALL_LINKS } from '../state/link-filter.js';
import type { Box, Point, Size } from './point.js';

/** card: name, CIDRs, pods. chip: name and pods. dot: a circle with the name below. */
export type NodeTier = 'card' | 'chip' | 'dot';

export const NODE_SIZES: Readonly<Record<NodeTier, Size>> = {
  card: { width: 204, height: 84 },
  chip: { width: 136, height: 48 },
  dot: { width: 88, height: 50 },
};

const MAX_CARDS = 8;
/** Factor by which nodes in a field may be farther apart than needed. */
const FIELD_SPREAD = 1.5;
const GAP = 22;
const MARGIN = 28;
/** Ratio of height to width below which a ring is not recognised as one. */
const MAX_ASPECT = 1.8;

export interface Stage {
  readonly tier: NodeTier;
  readonly node: Size;
  /** Pixels per unit. */
  readonly radiusX: number;
  readonly radiusY: number;
}

export function stageFor(canvas: Size, count: number): Stage {
  const tier = count <= MAX_CARDS ? 'card' : count <= MAX_NODES_WITH_ALL_LINKS ? 'chip' : 'dot';
  const node = NODE_SIZES[tier];
  const least = tier === 'dot' ? fieldRadii(node, count) : ringRadii(node, count);
  const most = tier === 'dot' ? scaleSize(least, FIELD_SPREAD) : { width: Infinity, height: Infinity };
  const roomX = (canvas.width - node.width) / 2 - MARGIN;
  const roomY = (canvas.height - node.height - 2 * MARGIN) / layoutHeight(count);
  const radiusY = clamp(roomY, least.height, most.height);
  const radiusX = clamp(Math.min(roomX, radiusY * MAX_ASPECT), least.width, most.width);
  return { tier, node, radiusX, radiusY };
}

/** Height of the layout in units; a triangle does not reach the bottom of its circle. */
function layoutHeight(count: number): number {
  if (count > MAX_NODES_WITH_ALL_LINKS) return 2 / Math.sqrt(FIELD_ASPECT);
  if (count < 3) return 2;
  return count % 2 === 0 ? 2 * Math.cos(Math.PI / count) : 1 + Math.cos(Math.PI / count);
}

/** Smallest half axes at which neighbours in the ring do not touch. */
function ringRadii(node: Size, count: number): Size {
  const chord = 2 * Math.sin(Math.PI / Math.max(2, count));
  return { width: (node.width + GAP) / chord, height: (node.height + 2 * GAP) / chord };
}

function fieldRadii(node: Size, count: number): Size {
  const half = Math.sqrt(count) / 1.75;
  return { width: (node.width + GAP / 2) * half, height: (node.height + GAP / 2) * half };
}

function scaleSize(size: Size, by: number): Size {
  return { width: size.width * by, height: size.height * by };
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), Math.max(least, most));
}

export function toStage(stage: Stage, unit: Point): Point {
  return { x: unit.x * stage.radiusX, y: unit.y * stage.radiusY };
}

export function fromStage(stage: Stage, point: Point): Point {
  return { x: point.x / stage.radiusX, y: point.y / stage.radiusY };
}

export function nodeBox(stage: Stage, centre: Point): Box {
  return { ...centre, ...stage.node };
}
