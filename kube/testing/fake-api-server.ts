/** API server that a test answers for: each request waits until the test says how it ends. */
import { KubernetesError } from '../../common/errors.js';
import type { ApiServer, PatchType } from '../api-server.js';
import { patchedObject } from './patched-object.js';

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
  /** What was changed and made: `PATCH PATH` and `POST PATH`, with what was sent. */
  readonly writes: { readonly call: string; readonly body: unknown }[] = [];
  /** Status with which changes fail while it is set. */
  refuseWritesWith: number | null = null;

  get(path: string): Promise<unknown> {
    this.gets.push(path);
    const object = this.objects.get(path.split('?')[0]!);
    if (object === undefined) return Promise.reject(new KubernetesError(404, `${this.name}${path}: not found`));
    if (typeof object === 'number') return Promise.reject(new KubernetesError(object, `${path}: status ${object}`));
    return Promise.resolve(selected(structuredClone(object), path));
  }

  patch(path: string, type: PatchType, body: unknown): Promise<unknown> {
    const refusal = this.#write('PATCH', path, body);
    if (refusal !== null) return Promise.reject(refusal);
    const name = path.split('/')[4];
    const list = this.objects.get('/api/v1/nodes') as { items: { metadata: { name: string } }[] };
    const at = list.items.findIndex((item) => item.metadata.name === name);
    const patched = patchedObject(list.items[at], type, body);
    list.items[at] = patched as { metadata: { name: string } };
    return Promise.resolve(structuredClone(patched));
  }

  create(path: string, object: unknown): Promise<void> {
    const refusal = this.#write('POST', path, object);
    return refusal === null ? Promise.resolve() : Promise.reject(refusal);
  }

  #write(method: string, path: string, body: unknown): KubernetesError | null {
    this.writes.push({ call: `${method} ${path}`, body });
    const status = this.refuseWritesWith;
    return status === null ? null : new KubernetesError(status, `${path}: status ${status}`);
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
    this.objects.set('/api/v1/nodes', { metadata: { resourceVersion }, items: [...nodes] });
  }

  get lastWatch(): FakeWatch {
    return this.watches.at(-1)!;
  }
}

/** The items of a list that a field selector by name leaves. */
function selected(object: unknown, path: string): unknown {
  const name = /fieldSelector=metadata.name%3D([^&]*)/.exec(path)?.[1];
  const { items } = object as { items?: { metadata?: { name?: string } }[] };
  if (name === undefined || items === undefined) return object;
  return { ...(object as object), items: items.filter((item) => item.metadata?.name === name) };
}
