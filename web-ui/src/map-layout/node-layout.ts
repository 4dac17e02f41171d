/**
 * Layout of nodes in or near the unit circle: deterministic, and stable when nodes come and go. A small mesh is a ring, in
 * which every link is a chord and none passes behind a node; a large one fills a field. Pure: the same nodes give the same
 * layout in any order of arrival.
 * The only importer of `d3-force`. Not here: pixels (`stage.ts`), zoom (`viewport.ts`).
 */
import { forceCollide, forceManyBody, forceRadial, forceSimulation, forceX, forceY } from 'd3-force';
import type { SimulationNodeDatum } from 'd3-force';
import { distance } from './point.js';
import type { Point } from './point.js';

/** In a larger ring the nodes are too small to read. */
export const MAX_RING_NODES = 20;
/** A field becomes a ring again below this count, so that one flapping node does not rearrange the map. */
const MIN_FIELD_NODES = 16;
/** Radius of the circle in the simulation; d3's forces are tuned for distances of this order. */
const RADIUS = 100;
/** Ratio of a field's width to its height, as of most windows. */
export const FIELD_ASPECT = 1.7;
const GOLDEN_ANGLE = Math.PI * (3 - Math.sqrt(5));
const SETTLE_TICKS = 120;
const ADJUST_TICKS = 60;
/** Strength of the force that keeps an existing node in its place. */
const ANCHOR_STRENGTH = 0.4;

export interface NodeLayout {
  readonly shape: 'ring' | 'field';
  /** By node id. Coordinates are about -1.3 to 1.3, of pinned nodes any. */
  readonly points: ReadonlyMap<string, Point>;
}

export const EMPTY_LAYOUT: NodeLayout = { shape: 'ring', points: new Map() };

interface Body extends SimulationNodeDatum {
  readonly id: string;
  /** Previous place; null for a new node. */
  readonly anchor: Point | null;
  x: number;
  y: number;
}

/**
 * The next layout. Unchanged nodes keep the very same layout object.
 * @param ids in the order in which a new ring is filled
 * @param pins places of nodes that a person has moved
 */
export function layoutNodes(
  previous: NodeLayout,
  ids: readonly string[],
  pins: ReadonlyMap<string, Point>,
): NodeLayout {
  const shape = shapeFor(previous, ids.length);
  if (shape === previous.shape && sameNodes(previous, ids, pins)) return previous;
  const kept = shape === previous.shape ? previous.points : new Map<string, Point>();
  const bodies = placeBodies(shape, kept, ids, pins);
  settle(shape, bodies, bodies.some((body) => body.anchor !== null) ? ADJUST_TICKS : SETTLE_TICKS);
  return { shape, points: new Map(bodies.map((body) => [body.id, { x: body.x / RADIUS, y: body.y / RADIUS }])) };
}

function shapeFor(previous: NodeLayout, count: number): NodeLayout['shape'] {
  if (previous.shape === 'field' && count >= MIN_FIELD_NODES) return 'field';
  return count > MAX_RING_NODES ? 'field' : 'ring';
}

function sameNodes(previous: NodeLayout, ids: readonly string[], pins: ReadonlyMap<string, Point>): boolean {
  if (previous.points.size !== ids.length) return false;
  return ids.every((id) => {
    const point = previous.points.get(id);
    const pin = pins.get(id);
    return point !== undefined && (pin === undefined || distance(pin, point) < 1e-9);
  });
}

function placeBodies(
  shape: NodeLayout['shape'],
  kept: ReadonlyMap<string, Point>,
  ids: readonly string[],
  pins: ReadonlyMap<string, Point>,
): Body[] {
  const taken = ids.flatMap((id) => pins.get(id) ?? kept.get(id) ?? []);
  return ids.map((id, index) => {
    const pin = pins.get(id);
    const before = kept.get(id) ?? null;
    const start = pin ?? before ?? (kept.size === 0 ? seedPoint(shape, index, ids.length) : freePoint(shape, taken));
    if (pin === undefined && before === null) taken.push(start);
    const body: Body = { id, anchor: before && scale(before), ...scale(start) };
    if (pin !== undefined) Object.assign(body, { fx: body.x, fy: body.y });
    return body;
  });
}

function scale(point: Point): { x: number; y: number } {
  return { x: point.x * RADIUS, y: point.y * RADIUS };
}

function seedPoint(shape: NodeLayout['shape'], index: number, count: number): Point {
  return shape === 'ring' ? ringPoint(index, count) : spiralPoint(index, count);
}

/** Start angle: a triangle has a horizontal base, a square horizontal sides, as the map is wider than high. */
function ringPoint(index: number, count: number): Point {
  if (count === 1) return { x: 0, y: 0 };
  const first = count === 2 ? Math.PI : -Math.PI / 2 - (count % 2 === 0 ? Math.PI / count : 0);
  const angle = first + (2 * Math.PI * index) / count;
  return { x: Math.cos(angle), y: Math.sin(angle) };
}

/** Vogel's spiral, stretched: of even density for any count. */
function spiralPoint(index: number, count: number): Point {
  const radius = Math.sqrt((index + 0.5) / count);
  const stretch = Math.sqrt(FIELD_ASPECT);
  return {
    x: stretch * radius * Math.cos(index * GOLDEN_ANGLE),
    y: (radius / stretch) * Math.sin(index * GOLDEN_ANGLE),
  };
}

/** The candidate that is farthest from all taken places. */
function freePoint(shape: NodeLayout['shape'], taken: readonly Point[]): Point {
  const count = 4 * taken.length + 12;
  const room = (point: Point): number => Math.min(Infinity, ...taken.map((other) => distance(point, other)));
  let best: Point = { x: 0, y: 0 };
  let most = -1;
  for (let index = 0; index < count; index++) {
    const candidate = seedPoint(shape, index, count);
    const free = room(candidate);
    if (free <= most + 1e-9) continue;
    best = candidate;
    most = free;
  }
  return best;
}

function settle(shape: NodeLayout['shape'], bodies: Body[], ticks: number): void {
  const steady = (body: Body): number => (body.anchor === null ? 0 : ANCHOR_STRENGTH);
  const simulation = forceSimulation(bodies)
    .stop()
    .force('anchorX', forceX<Body>((body) => body.anchor?.x ?? 0).strength(steady))
    .force('anchorY', forceY<Body>((body) => body.anchor?.y ?? 0).strength(steady));
  if (shape === 'ring' && bodies.length > 1) {
    simulation
      .force('ring', forceRadial<Body>(RADIUS).strength(0.9))
      .force('apart', forceManyBody<Body>().strength(-60));
  } else if (shape === 'field') {
    simulation.force('apart', forceCollide<Body>(0.92 * RADIUS * Math.sqrt(1 / bodies.length)).iterations(2));
  }
  simulation.tick(ticks);
}
