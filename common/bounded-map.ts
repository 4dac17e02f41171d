/** A map that forgets its oldest entry when it is full: for whatever is keyed by remote input. */
export class BoundedMap<Key, Value> extends Map<Key, Value> {
  constructor(readonly maxEntries: number) {
    super();
  }

  /** Inserts or refreshes: the entry becomes the youngest. */
  override set(key: Key, value: Value): this {
    this.delete(key);
    super.set(key, value);
    if (this.size > this.maxEntries) {
      for (const oldest of this.keys()) {
        this.delete(oldest);
        break;
      }
    }
    return this;
  }
}
