/** Map of bounded size that drops its oldest entry when full, for keys from remote input. */
export class BoundedMap<Key, Value> extends Map<Key, Value> {
  constructor(readonly maxEntries: number) {
    super();
  }

  /** Inserts or replaces; the entry becomes the newest. */
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
