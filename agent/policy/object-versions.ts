/**
 * Versions of the objects of one kind, which come by a watch and by lists beside it: what is older than the known state of an object
 * is no news. Versions are numbers that grow (official since Kubernetes 1.35, so in etcd before); others are always news.
 */
import { keyOf } from './object-key.js';

/** Of deleted objects, kept for lists that were made before. */
const MAX_DELETED = 1000;

export class ObjectVersions {
  /** Bounded by the objects of the kind. */
  readonly #present = new Map<string, bigint>();
  readonly #deleted = new Map<string, bigint>();

  /** Of all objects. */
  restart(objects: readonly unknown[]): void {
    this.#present.clear();
    this.#deleted.clear();
    for (const object of objects) this.#set(this.#present, object);
  }

  /** Whether the object is new or changed. */
  put(object: unknown): boolean {
    if (this.#isOlder(object)) return false;
    this.#deleted.delete(keyOf(object) ?? '');
    this.#set(this.#present, object);
    return true;
  }

  /** Whether what is known is the deleted object, and none of its name that came later. */
  delete(object: unknown): boolean {
    if (this.#isOlder(object)) return false;
    this.#present.delete(keyOf(object) ?? '');
    this.#set(this.#deleted, object);
    const [oldest] = this.#deleted.keys();
    if (this.#deleted.size > MAX_DELETED && oldest !== undefined) this.#deleted.delete(oldest);
    return true;
  }

  #isOlder(object: unknown): boolean {
    const key = keyOf(object) ?? '';
    const [known, version] = [this.#present.get(key) ?? this.#deleted.get(key), versionOf(object)];
    return known !== undefined && version !== null && version < known;
  }

  #set(versions: Map<string, bigint>, object: unknown): void {
    const [key, version] = [keyOf(object), versionOf(object)];
    if (key !== null && version !== null) versions.set(key, version);
  }
}

function versionOf(object: unknown): bigint | null {
  const { resourceVersion } = (object as { metadata?: { resourceVersion?: unknown } }).metadata ?? {};
  return typeof resourceVersion === 'string' && /^\d{1,20}$/.test(resourceVersion) ? BigInt(resourceVersion) : null;
}
