/** Port to the Kubernetes API server: the requests that the adapter makes, and how they fail. */

/** Media types of patches (Kubernetes API concepts, "Patch"). */
export const PATCH = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategicMerge: 'application/strategic-merge-patch+json',
} as const;
export type PatchType = (typeof PATCH)[keyof typeof PATCH];

/** Form of the answer: whole objects, or their metadata alone (Kubernetes API concepts, "Metadata-only fetches"). */
export type Form = 'whole' | 'metadata';

export interface ApiServer {
  /** For messages: `https://10.96.0.1:443`. */
  readonly name: string;
  /**
   * One object or list as parsed JSON.
   * @param path with its query: `/api/v1/nodes?limit=500`
   * Rejects with KubernetesError.
   */
  get(path: string, form?: Form): Promise<unknown>;
  /** Changes an object. Resolves with the object as it is afterwards. Rejects with KubernetesError. */
  patch(path: string, type: PatchType, body: unknown): Promise<unknown>;
  /** Makes an object in this collection. Rejects with KubernetesError. */
  create(path: string, object: unknown): Promise<void>;
  /**
   * Stream of watch events, one JSON object a line (Kubernetes API concepts, "Efficient detection of changes").
   * Resolves when the server ends it. Rejects with KubernetesError, also when `signal` aborts it.
   * @param onEvent must not throw
   */
  watch(path: string, onEvent: (event: unknown) => void, signal: AbortSignal, form?: Form): Promise<void>;
}

/** Status of answers that callers act on (RFC 9110, 15.5). */
export const STATUS = { unauthorized: 401, forbidden: 403, notFound: 404, gone: 410 } as const;

export const NODES_PATH = '/api/v1/nodes';

/** One Node. */
export function nodePath(name: string): string {
  return `${NODES_PATH}/${encodeURIComponent(name)}`;
}

/** The list of one Node, which a watch goes on from. */
export function nodeListPath(name: string): string {
  return `${NODES_PATH}?fieldSelector=${encodeURIComponent(`metadata.name=${name}`)}`;
}

/** As `metav1.Time` is written: seconds, UTC. */
export function apiTime(time: Date): string {
  return time.toISOString().replace(/\.\d+Z$/, 'Z');
}

/** A path with one more query, `a=b&c=d`. */
export function queried(path: string, query: string): string {
  return `${path}${path.includes('?') ? '&' : '?'}${query}`;
}
