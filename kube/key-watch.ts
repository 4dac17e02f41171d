/**
 * Watch of the keys that all nodes publish: it tells of Nodes that are gone, were made anew under their name, or whose key is new.
 * Only names, UIDs and annotations are read. Nodes that the first list has and that were not asked about are not told of.
 */
import { createHash } from 'node:crypto';
import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { NODE_KEY_ANNOTATION } from '../common/kubernetes-names.js';
import { nodeIdOf } from '../common/node-id.js';
import type { NodeId } from '../common/node-id.js';
import type { NamedNode } from './node-keys-record.js';
import type { ResourceWatchDeps } from './resource-watch.js';

/** One change, which the nodes that see it call the same: 16 hex digits of a hash of what the Node is afterwards. */
export interface NodeChange {
  readonly name: string;
  readonly change: string;
}

export type KeyWatchHandlers = Pick<ResourceWatchDeps, 'onList' | 'onPut' | 'onDelete'>;

interface Published {
  /** Null where only the key is known. */
  readonly uid: string | null;
  /** Of the key; null when none is published. */
  readonly node: NodeId | null;
}

const Metadata = Compile(
  Type.Object({
    metadata: Type.Object({
      name: Type.String({ minLength: 1 }),
      uid: Type.String(),
      annotations: Type.Optional(Type.Record(Type.String(), Type.String())),
    }),
  }),
);
const CHANGE_DIGITS = 16;

export class KeyWatch {
  readonly handlers: KeyWatchHandlers = {
    onList: (objects) => this.#listed(objects),
    onPut: (object) => this.#put(object),
    onDelete: (object) => this.#deleted(object),
  };
  /** By name of the Node. Bounded by the Nodes that the API server has. */
  #published: Map<string, Published>;

  /** @param named nodes that were asked about: the first list is compared with them */
  constructor(
    named: Iterable<NamedNode>,
    readonly onChange: (change: NodeChange) => void,
  ) {
    this.#published = new Map(Array.from(named, ({ name, node }) => [name, { uid: null, node }]));
  }

  #listed(objects: readonly unknown[]): void {
    const before = this.#published;
    this.#published = new Map(objects.flatMap((object) => publishedBy(object) ?? []));
    for (const [name, published] of before) this.#compare(name, published, this.#published.get(name));
  }

  #put(object: unknown): void {
    const [name, now] = publishedBy(object)?.[0] ?? [];
    if (name === undefined || now === undefined) return;
    const before = this.#published.get(name);
    this.#published.set(name, now);
    if (before !== undefined || now.node !== null) this.#compare(name, before, now);
  }

  #deleted(object: unknown): void {
    const [name, last] = publishedBy(object)?.[0] ?? [];
    if (name === undefined || last === undefined) return;
    this.#published.delete(name);
    this.#compare(name, last, undefined);
  }

  #compare(name: string, before: Published | undefined, now: Published | undefined): void {
    const isSameNode = before !== undefined && now !== undefined && (before.uid ?? now.uid) === now.uid;
    if (isSameNode && before.node === now.node) return;
    const state = now === undefined ? ['gone', before?.uid, before?.node] : ['is', now.uid, now.node];
    const change = createHash('sha256').update(JSON.stringify(state)).digest('hex').slice(0, CHANGE_DIGITS);
    this.onChange({ name, change });
  }
}

/** Null for an object that cannot be read. */
function publishedBy(object: unknown): [[string, Published]] | null {
  if (!Metadata.Check(object)) return null;
  const { name, uid, annotations } = object.metadata;
  const key = annotations?.[NODE_KEY_ANNOTATION];
  return [[name, { uid, node: key === undefined ? null : nodeIdOf(Buffer.from(key, 'base64')) }]];
}
