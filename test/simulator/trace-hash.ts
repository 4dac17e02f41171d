/** Hash of a trace: two runs of the same seed have the same one, and nearly every difference shows. */
export class TraceHash {
  #a = 0x811c9dc5;
  #b = 0x9e3779b1;

  add(value: number): void {
    const word = Math.floor(value * 1000) | 0;
    this.#a = Math.imul(this.#a ^ word, 0x01000193) ^ (this.#a >>> 15);
    this.#b = Math.imul(this.#b + word, 0x85ebca6b) ^ (this.#b >>> 13);
  }

  get text(): string {
    return [this.#a, this.#b].map((half) => (half >>> 0).toString(16).padStart(8, '0')).join('');
  }
}
