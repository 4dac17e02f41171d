/**
 * Difference of two JSON documents, for a stream that sends a document again and again. Pure; the documents are not changed.
 *
 *   [value]          the new value, whole
 *   []               the field is gone
 *   {"rtt": [1.5]}   what differs inside an object, by field
 *   {"7": {...}, "length": [8]}   the same inside an array, by place, with its length when that differs
 */

/** Query of `/v1/events` for a client that keeps the topology and changes it by differences. */
export const DIFFERENCES = 'form=differences';

export type Difference = readonly [] | readonly [unknown] | { readonly [place: string]: Difference };

type Container = Readonly<Record<string, unknown>> | readonly unknown[];

/** Null when both are equal. */
export function differenceOf(before: unknown, after: unknown): Difference | null {
  if (Object.is(before, after)) return null;
  if (!isContainer(before) || !isContainer(after) || Array.isArray(before) !== Array.isArray(after)) return [after];
  const inside: Record<string, Difference> = {};
  for (const place of Object.keys(after)) {
    const known = Object.hasOwn(before, place);
    const difference = known ? differenceOf(at(before, place), at(after, place)) : ([at(after, place)] as const);
    if (difference !== null) inside[place] = difference;
  }
  if (Array.isArray(before) && Array.isArray(after)) {
    if (before.length !== after.length) inside['length'] = [after.length];
  } else {
    for (const place of Object.keys(before)) if (!Object.hasOwn(after, place)) inside[place] = [];
  }
  return Object.keys(inside).length === 0 ? null : inside;
}

/** The document after the difference. What does not differ is shared with `before`. Undefined when it does not fit. */
export function applyDifference(before: unknown, difference: Difference): unknown {
  if (Array.isArray(difference)) return (difference as readonly unknown[])[0];
  if (!isContainer(before)) return undefined;
  const places = Object.entries(difference as Readonly<Record<string, Difference>>);
  return Array.isArray(before) ? appliedToArray(before, places) : appliedToObject(before, places);
}

type Places = readonly (readonly [string, Difference])[];

function appliedToArray(before: readonly unknown[], places: Places): unknown[] {
  const after = [...before];
  for (const [place, difference] of places) {
    if (place === 'length') after.length = Math.min(Number(applyDifference(null, difference)), after.length);
    else after[Number(place)] = applyDifference(before[Number(place)], difference);
  }
  return after;
}

function appliedToObject(before: object, places: Places): Record<string, unknown> {
  const after: Record<string, unknown> = { ...before };
  for (const [place, difference] of places) {
    if (Array.isArray(difference) && difference.length === 0) delete after[place];
    else after[place] = applyDifference(after[place], difference);
  }
  return after;
}

function at(container: Container, place: string): unknown {
  return (container as Readonly<Record<string, unknown>>)[place];
}

function isContainer(value: unknown): value is Container {
  return typeof value === 'object' && value !== null;
}
