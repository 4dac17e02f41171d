/** Where a person has put nodes, kept in this browser. Unit coordinates, so that they fit any window. */
import type { Point } from '../map-layout/point.js';
import { readPreference, writePreference } from '../state/preferences.js';

const MAX_PINS = 200;

/** What is stored and broken is ignored. */
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
