/** API server that a test answers for: each request waits until the test says how it ends. */
import { KubernetesError } from '../../common/errors.js';
import type { ApiServer } from '../api-server.js';

export interface FakeWatch {
  readonly path: string;
  readonly send: (event: unknown) => void;
  readonly end: () => void;
  readonly fail: (status: number | null) => void;
  readonly isAborted: () => boolean;
}

export class FakeApiServer implements ApiServer {
  readonly name = 'https://api.test';
  /** Answers by path without its query; a number is a status that fails. */
  readonly objects = new Map<string, unknown>();
  readonly gets: string[] = [];
  readonly watches: FakeWatch[] = [];

  get(path: string): Promise<unknown> {
    this.gets.push(path);
    const object = this.objects.get(path.split('?')[0]!);
    if (object === undefined) return Promise.reject(new KubernetesError(404, `${this.name}${path}: not found`));
    if (typeof object === 'number') return Promise.reject(new KubernetesError(object, `${path}: status ${object}`));
    return Promise.resolve(selected(structuredClone(object), path));
  }

  watch(path: string, onEvent: (event: unknown) => void, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const fail = (status: number | null): void => reject(new KubernetesError(status, `${path}: status ${status}`));
      signal.addEventListener('abort', () => fail(null));
      this.watches.push({ path, send: onEvent, end: resolve, fail, isAborted: () => signal.aborted });
    });
  }

  /** The nodes of the cluster, as a list of this version. */
  setNodes(nodes: readonly unknown[], resourceVersion = '1'): void {
    this.objects.set('/api/v1/nodes', { metadata: { resourceVersion }, items: nodes });
  }

  get lastWatch(): FakeWatch {
    return this.watches.at(-1)!;
  }
}

/** The items of a list that a field selector by name leaves. */
function selected(object: unknown, path: string): unknown {
  const name = /fieldSelector=metadata.name%3D(.*)$/.exec(path)?.[1];
  const { items } = object as { items?: { metadata?: { name?: string } }[] };
  if (name === undefined || items === undefined) return object;
  return { ...(object as object), items: items.filter((item) => item.metadata?.name === name) };
}
