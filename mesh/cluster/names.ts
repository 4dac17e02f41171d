/** Members by name. Names are the members' own choice: several may have one, as after a node was installed anew. */
import type { NodeId } from '../../common/node-id.js';
import { NameMap } from './member-maps.js';

export class Names {
  /** The first member of each name. Bounded by the members. */
  readonly #first = new NameMap<NodeId>();
  /** Further ones, which are few. */
  readonly #others = new Map<string, Set<NodeId>>();

  add(name: string, id: NodeId): void {
    const first = this.#first.get(name);
    if (first === undefined) this.#first.set(name, id);
    else if (first !== id) this.#others.set(name, (this.#others.get(name) ?? new Set()).add(id));
  }

  delete(name: string, id: NodeId): void {
    const others = this.#others.get(name) ?? new Set();
    others.delete(id);
    const [next] = others;
    if (this.#first.get(name) === id) {
      this.#first.delete(name);
      if (next !== undefined) this.#first.set(name, next);
      if (next !== undefined) others.delete(next);
    }
    if (others.size === 0) this.#others.delete(name);
  }

  idsOf(name: string): NodeId[] {
    const first = this.#first.get(name);
    return first === undefined ? [] : [first, ...(this.#others.get(name) ?? [])];
  }
}
