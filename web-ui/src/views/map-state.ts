/**
 * State of the map as signals: canvas size, layout, pins, zoom, and animations between them. `map-layout/` computes the
 * positions.
 */
import { batch, computed, effect, signal } from '@preact/signals';
import { EMPTY_LAYOUT, layoutNodes } from '../map-layout/node-layout.js';
import { between } from '../map-layout/point.js';
import type { Point, Size } from '../map-layout/point.js';
import { fromStage, nodeBox, stageFor, toStage } from '../map-layout/stage.js';
import { fitViewport, panViewport, unproject, zoomViewport } from '../map-layout/viewport.js';
import type { Viewport } from '../map-layout/viewport.js';
import { mesh } from '../state/store.js';
import { readPins, writePins } from './pins.js';

const MOVE_MS = 360;
/** Space below the nodes for the legend. */
const LEGEND_PIXELS = 38;

export const canvas = signal<Size>({ width: 960, height: 520 });
export const viewport = signal<Viewport>({ x: 480, y: 260, scale: 1 });
/** Id of the node, or key of the link, under the pointer. */
export const hovered = signal<string | null>(null);
export const pins = signal<ReadonlyMap<string, Point>>(readPins());

const layout = signal(EMPTY_LAYOUT);
const nodeCount = computed(() => layout.value.points.size);
/** Part of the canvas for nodes. */
const room = computed<Size>(() => ({ width: canvas.value.width, height: canvas.value.height - LEGEND_PIXELS }));
export const stage = computed(() => stageFor(room.value, nodeCount.value));
/** True after a person panned or zoomed; the view is then no longer fitted automatically. */
const viewIsTheirs = signal(false);
const moving = signal<ReadonlyMap<string, Point>>(new Map());
const dragged = signal<{ readonly id: string; readonly point: Point } | null>(null);

const targets = computed(
  () => new Map([...layout.value.points].map(([id, point]) => [id, toStage(stage.value, point)] as const)),
);

/** Present place of every node on the stage. */
export const positions = computed<ReadonlyMap<string, Point>>(() => {
  const held = dragged.value;
  return held === null ? moving.value : new Map(moving.value).set(held.id, held.point);
});

export function startMap(): void {
  effect(() => {
    const ids = mesh.value?.nodes.map((node) => node.id) ?? [];
    layout.value = layoutNodes(layout.peek(), ids, pins.value);
  });
  effect(() => {
    const goal = targets.value;
    moveTo(goal, viewIsTheirs.peek() ? viewport.peek() : fitted());
  });
}

function fitted(): Viewport {
  return fitViewport(
    room.peek(),
    [...targets.peek().values()].map((point) => nodeBox(stage.peek(), point)),
  );
}

let frame = 0;

/** Moves nodes to the given places; at once when motion is reduced, and the first time. */
function moveTo(goal: ReadonlyMap<string, Point>, view: Viewport): void {
  cancelAnimationFrame(frame);
  const from = moving.peek();
  const fromView = viewport.peek();
  const arrive = (): void =>
    batch(() => {
      moving.value = goal;
      viewport.value = view;
    });
  if (from.size === 0 || document.hidden || matchMedia('(prefers-reduced-motion: reduce)').matches) {
    arrive();
    return;
  }
  const startMs = performance.now();
  const step = (now: number): void => {
    const share = easeOut(Math.min(1, Math.max(0, now - startMs) / MOVE_MS));
    if (share >= 1) {
      arrive();
      return;
    }
    batch(() => {
      moving.value = new Map([...goal].map(([id, point]) => [id, between(from.get(id) ?? point, point, share)]));
      viewport.value = {
        ...between(fromView, view, share),
        scale: fromView.scale + (view.scale - fromView.scale) * share,
      };
    });
    frame = requestAnimationFrame(step);
  };
  frame = requestAnimationFrame(step);
}

function easeOut(share: number): number {
  return 1 - (1 - share) ** 3;
}

export function pan(by: Point): void {
  cancelAnimationFrame(frame);
  viewIsTheirs.value = true;
  viewport.value = panViewport(viewport.value, by);
}

/** @param around fixed canvas point; the middle by default */
export function zoom(factor: number, around: Point = { x: canvas.value.width / 2, y: canvas.value.height / 2 }): void {
  cancelAnimationFrame(frame);
  viewIsTheirs.value = true;
  viewport.value = zoomViewport(viewport.value, factor, around);
}

export function fit(): void {
  viewIsTheirs.value = false;
  moveTo(targets.value, fitted());
}

/** Moves the dragged node. @param at canvas point */
export function dragNode(id: string, at: Point): void {
  dragged.value = { id, point: unproject(viewport.value, at) };
}

/** Ends a drag; the node is pinned in its place. */
export function dropNode(): void {
  const held = dragged.value;
  if (held === null) return;
  batch(() => {
    // The view stays unchanged, so that nothing moves during a drag.
    viewIsTheirs.value = true;
    moving.value = positions.value;
    pins.value = new Map(pins.value).set(held.id, fromStage(stage.value, held.point));
    dragged.value = null;
  });
  writePins(pins.value);
}

/** Removes every pin and resets the view. */
export function resetLayout(): void {
  batch(() => {
    pins.value = new Map();
    layout.value = EMPTY_LAYOUT;
    viewIsTheirs.value = false;
    layout.value = layoutNodes(EMPTY_LAYOUT, mesh.value?.nodes.map((node) => node.id) ?? [], pins.value);
  });
  writePins(pins.value);
  fit();
}
