/** Pins: places of nodes that a person moved, kept in the browser. In unit coordinates, which fit any window. */
import type { Point } from '../map-layout/point.js';
import { readPreference, writePreference } from '../state/preferences.js';

const MAX_PINS = 200;

/** Ignores stored values of another shape. */
export function readPins(): ReadonlyMap<string, Point> {
  const stored = readPreference('pins');
  if (!Array.isArray(stored)) return new Map();
  return new Map(stored.slice(0, MAX_PINS).flatMap((entry: unknown) => pinOf(entry)));
}

function pinOf(entry: unknown): [string, Point][] {
  if (!Array.isArray(entry)) return [];
  const [id, x, y] = entry as unknown[];
  if (typeof id !== 'string' || typeof x !== 'number' || typeof y !== 'number') return [];
  return [[id, { x, y }]];
}

export function writePins(pins: ReadonlyMap<string, Point>): void {
  writePreference(
    'pins',
    [...pins].slice(-MAX_PINS).map(([id, point]) => [id, point.x, point.y]),
  );
}
