/**
 * Pods that are selected for a set of the table, with the elements that each contributes. One pod's change costs this pod's
 * elements; the sets of elements are built again only when they are asked for after a change.
 */
import type { IpFamily } from '../../common/address/ip-address.js';
import { podKey } from '../objects/pod.js';
import type { Pod } from '../objects/pod.js';

export class PodSelection {
  /** Elements of each selected pod. UNBOUNDED: pods of the cluster. */
  readonly #members = new Map<string, readonly string[]>();
  #elements: Readonly<Record<IpFamily, ReadonlySet<string>>> | null = null;

  /** @param elementsOf of a pod: addresses, or addresses with ports; none when it is not selected */
  constructor(readonly elementsOf: (pod: Pod) => readonly string[]) {}

  put(pod: Pod): void {
    const key = podKey(pod);
    const elements = this.elementsOf(pod);
    if ((this.#members.get(key) ?? []).join() === elements.join()) return;
    if (elements.length === 0) this.#members.delete(key);
    else this.#members.set(key, elements);
    this.#elements = null;
  }

  remove(key: string): void {
    if (this.#members.delete(key)) this.#elements = null;
  }

  elements(family: IpFamily): ReadonlySet<string> {
    this.#elements ??= this.#collect();
    return this.#elements[family];
  }

  #collect(): Readonly<Record<IpFamily, ReadonlySet<string>>> {
    const all = { 4: new Set<string>(), 6: new Set<string>() };
    for (const elements of this.#members.values()) {
      for (const element of elements) all[element.includes(':') ? 6 : 4].add(element);
    }
    return all;
  }
}
