/**
 * Watch of the objects of one kind that goes on through every fault: connections reset or silent, versions that the server has
 * forgotten, an API server that is away.
 *
 * ```
 *        +-- version forgotten (410) --+
 *        v                             |
 *  list ---> version ---> watch -------+--- ended by the server ---> watch on from the last version
 *    ^                       |
 *    +---- back-off <--------+ failed, or nothing heard for 150 s
 * ```
 */
import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import type { Clock } from '../common/clock.js';
import { DecodeError, KubernetesError, messageOf } from '../common/errors.js';
import { queried, STATUS } from './api-server.js';
import type { ApiServer, Form } from './api-server.js';
import { BackOff } from './back-off.js';
import { listPages } from './list-pages.js';

/** The server sends a bookmark about once a minute, so a connection that is silent for longer is dead. */
const SILENCE_MS = 150_000;
/** The server ends each watch after a time of our choice, drawn at random from here to twice as long. */
const WATCH_SECONDS = 300;
/** A watch that lives shorter was no success: the next one waits. */
const SHORT_WATCH_MS = 5_000;
/** Until the next look for a kind that the server does not have, and up to as much again. */
const ABSENT_FOR_MS = 300_000;
/** 500 000 objects, more than any cluster has of one kind. */
const MAX_PAGES = 1000;

export interface ResourceWatchDeps {
  readonly api: ApiServer;
  /** `/api/v1/pods`, or with a query. */
  readonly path: string;
  /** Whole objects when it is left out. */
  readonly form?: Form;
  /**
   * Other paths of the same objects, tried where the server does not have the one before (404). Where it has none of them, the list
   * is empty, and they are tried again every 5 to 10 minutes. Without this, a path that is not there is a problem. A server refuses
   * (403) before it looks whether there is such a kind, so then discovery of the API's version is asked.
   */
  readonly otherPaths?: readonly string[];
  readonly clock: Clock;
  /** From 0 to 1. */
  readonly random: () => number;
  /** All objects as they are now, not checked yet. */
  readonly onList: (objects: readonly unknown[]) => void;
  /** An object is new or changed. */
  readonly onPut: (object: unknown) => void;
  /** With the object as it was last. */
  readonly onDelete: (object: unknown) => void;
  /** Why nothing is known at the moment, in words; null when all is well again. */
  readonly onProblem: (problem: string | null) => void;
  /** In place of a problem, with {@link otherPaths}: the kind is there, and the right to read it is missing. */
  readonly onForbidden?: (problem: string) => void;
}

const Event = Compile(Type.Object({ type: Type.String(), object: Type.Unknown() }));
const Versioned = Compile(Type.Object({ metadata: Type.Object({ resourceVersion: Type.String() }) }));
/** `APIResourceList`, which the server has at the path of each version of an API. */
const ResourceList = Compile(Type.Object({ resources: Type.Array(Type.Object({ name: Type.String() })) }));
const StatusObject = Compile(Type.Object({ code: Type.Integer(), message: Type.Optional(Type.String()) }));

export class ResourceWatch {
  readonly #backOff: BackOff;
  readonly #stopped = new AbortController();
  /** From which the next watch goes on; null when the objects have to be listed. */
  #version: string | null = null;
  /** Of the path in use: 0 for `path`, then those of `otherPaths`. */
  #pathIndex = 0;
  /** The server has none of the paths. */
  #isAbsent = false;
  #running: Promise<void> = Promise.resolve();

  constructor(readonly deps: ResourceWatchDeps) {
    this.#backOff = new BackOff(deps.random);
  }

  start(): void {
    this.#running = this.#run();
  }

  /**
   * The objects of a namespace as the server has them at this moment ("most recent": a list without a version), which the watch may
   * tell of later; null: of a kind without namespaces. Empty where the server does not have the kind. Rejects with KubernetesError.
   */
  async listIn(namespace: string | null): Promise<readonly unknown[]> {
    if (this.#isAbsent) return [];
    const [version, name] = splitAtLast(this.#path, '/');
    const path = namespace === null ? this.#path : `${version}/namespaces/${encodeURIComponent(namespace)}/${name}`;
    const objects: unknown[] = [];
    for await (const { items } of listPages(this.deps.api, path, 'objects', this.deps.form)) objects.push(...items);
    return objects;
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      const startedMs = this.deps.clock.nowMs();
      const wentWell = await this.#once();
      if (this.#isStopped) return;
      if (wentWell && this.deps.clock.nowMs() - startedMs >= SHORT_WATCH_MS) this.#backOff.reset();
      else await this.#pause(this.#backOff.next());
    }
  }

  get #isStopped(): boolean {
    return this.#stopped.signal.aborted;
  }

  /** One list where needed, and one watch. False when it failed. */
  async #once(): Promise<boolean> {
    try {
      this.#version ??= await this.#list();
      this.deps.onProblem(null);
      await this.#watch(this.#version);
      return true;
    } catch (thrown) {
      return this.#failed(thrown);
    }
  }

  async #failed(thrown: unknown): Promise<boolean> {
    const { otherPaths, onProblem, onForbidden } = this.deps;
    const status = thrown instanceof KubernetesError ? thrown.status : null;
    if (this.#isStopped) return false;
    if (otherPaths !== undefined && status === STATUS.notFound) return this.#onNextPath(otherPaths);
    if (otherPaths !== undefined && status === STATUS.forbidden) {
      const served = await this.#isServed();
      if (served === false) return this.#onNextPath(otherPaths);
      if (served === true) onForbidden?.(messageOf(thrown));
      else onProblem(served);
    } else if (status === STATUS.gone) this.#version = null;
    else onProblem(messageOf(thrown));
    return false;
  }

  /**
   * Whether the server has the kind, by the list of resources of its API's version; why that cannot be read, in words. Where
   * nobody may read the list, the kind is taken as there.
   */
  async #isServed(): Promise<boolean | string> {
    const [version, name] = splitAtLast(this.#path.split('?')[0]!, '/');
    try {
      const list = await this.deps.api.get(version);
      return !ResourceList.Check(list) || list.resources.some((resource) => resource.name === name);
    } catch (thrown) {
      const status = thrown instanceof KubernetesError ? thrown.status : null;
      if (status === STATUS.notFound || status === STATUS.forbidden) return status === STATUS.forbidden;
      return messageOf(thrown);
    }
  }

  /** After the last path there is a long pause. */
  async #onNextPath(otherPaths: readonly string[]): Promise<boolean> {
    const { onList, onProblem, random } = this.deps;
    this.#version = null;
    this.#pathIndex = (this.#pathIndex + 1) % (otherPaths.length + 1);
    if (this.#pathIndex > 0) return this.#once();
    onProblem(null);
    this.#isAbsent = true;
    onList([]);
    await this.#pause(ABSENT_FOR_MS * (1 + random()));
    return false;
  }

  get #path(): string {
    return [this.deps.path, ...(this.deps.otherPaths ?? [])][this.#pathIndex]!;
  }

  /** The version from which a watch goes on. */
  async #list(): Promise<string> {
    const { api, form, onList } = this.deps;
    const path = this.#path;
    const objects: unknown[] = [];
    let pages = 0;
    for await (const { items, resourceVersion, isLast } of listPages(api, path, 'objects', form)) {
      objects.push(...items);
      if (isLast) {
        this.#isAbsent = false;
        onList(objects);
        return resourceVersion;
      }
      if (++pages === MAX_PAGES) break;
    }
    throw new DecodeError(`${api.name}${path}: more than ${MAX_PAGES} pages`);
  }

  async #watch(version: string): Promise<void> {
    const seconds = Math.round(WATCH_SECONDS * (1 + this.deps.random()));
    const query = `watch=1&allowWatchBookmarks=true&timeoutSeconds=${seconds}&resourceVersion=${version}`;
    const attempt = new AbortController();
    const abort = (): void => attempt.abort();
    this.#stopped.signal.addEventListener('abort', abort, { once: true });
    let failure: Error | null = null;
    let cancelSilence = this.deps.clock.after(SILENCE_MS, abort);
    try {
      await this.deps.api.watch(
        queried(this.#path, query),
        (event) => {
          cancelSilence();
          cancelSilence = this.deps.clock.after(SILENCE_MS, abort);
          failure ??= this.#takeEvent(event);
          if (failure !== null) abort();
        },
        attempt.signal,
        this.deps.form,
      );
    } catch (thrown) {
      throw failure ?? thrown;
    } finally {
      cancelSilence();
      this.#stopped.signal.removeEventListener('abort', abort);
    }
    if (failure !== null) throw failure as Error;
  }

  /** Why the watch cannot go on, or null. */
  #takeEvent(event: unknown): Error | null {
    const { api, onDelete, onPut } = this.deps;
    if (!Event.Check(event)) return new DecodeError(`${api.name}: expected a watch event`);
    if (event.type === 'ERROR') return errorOf(event.object, api.name);
    if (Versioned.Check(event.object)) this.#version = event.object.metadata.resourceVersion;
    if (event.type === 'DELETED') onDelete(event.object);
    if (event.type === 'ADDED' || event.type === 'MODIFIED') onPut(event.object);
    return null;
  }

  #pause(ms: number): Promise<void> {
    const { signal } = this.#stopped;
    return new Promise((resolve) => {
      const end = (): void => {
        cancel();
        signal.removeEventListener('abort', end);
        resolve();
      };
      const cancel = this.deps.clock.after(ms, end);
      signal.addEventListener('abort', end, { once: true });
    });
  }
}

/** An event of type ERROR holds a Status object. */
function errorOf(object: unknown, api: string): KubernetesError {
  const status = StatusObject.Check(object) ? object : { code: null, message: 'no reason given' };
  return new KubernetesError(status.code, `${api}: the watch was ended: ${status.message ?? status.code}`);
}

function splitAtLast(text: string, separator: string): [before: string, after: string] {
  const at = text.lastIndexOf(separator);
  return [text.slice(0, at), text.slice(at + 1)];
}
