/** Objects as the API server leaves them after a patch: as much of the three kinds as the adapter sends. */
import { KubernetesError } from '../../common/errors.js';
import { PATCH } from '../api-server.js';

type Fields = Readonly<Record<string, unknown>>;
interface Operation {
  readonly op: 'test' | 'remove';
  readonly path: string;
  readonly value?: unknown;
}

/** Throws KubernetesError 422, as the server answers, when a test of a JSON patch fails. */
export function patchedObject(object: unknown, type: string, patch: unknown): unknown {
  if (type === PATCH.json) return (patch as Operation[]).reduce(operated, structuredClone(object));
  return merged(object, patch, type === PATCH.strategicMerge);
}

/** RFC 7396; in a strategic merge patch conditions are merged by their type. */
function merged(object: unknown, patch: unknown, isStrategic: boolean, name = ''): unknown {
  if (isStrategic && name === 'conditions') return mergedConditions((object ?? []) as Fields[], patch as Fields[]);
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const result: Record<string, unknown> = { ...(object as Fields | undefined) };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = merged(result[key], value, isStrategic, key);
  }
  return result;
}

function mergedConditions(before: readonly Fields[], patch: readonly Fields[]): Fields[] {
  const others = before.filter(({ type }) => !patch.some((condition) => condition['type'] === type));
  return [...others, ...patch];
}

/** RFC 6902, `test` and `remove`. */
function operated(object: unknown, { op, path, value }: Operation): unknown {
  const keys = path.split('/').slice(1);
  const last = keys.pop()!;
  const parent = keys.reduce<unknown>((at, key) => (at as Fields | undefined)?.[key], object);
  const found = (parent as Fields | undefined)?.[last];
  const fits = op === 'test' ? JSON.stringify(found) === JSON.stringify(value) : found !== undefined;
  if (!fits) throw new KubernetesError(422, `the server rejected the patch: ${op} ${path}`);
  if (op === 'remove' && Array.isArray(parent)) parent.splice(Number(last), 1);
  return object;
}
