/** Settings source that a test changes by hand. */
import type { SettingsSource, SuppliedSettings } from '../settings-source.js';

export class FakeSource implements SettingsSource {
  readonly #listeners = new Set<() => void>();
  #supplied: SuppliedSettings;

  constructor(
    readonly name: string,
    supplied: SuppliedSettings,
  ) {
    this.#supplied = supplied;
  }

  current(): SuppliedSettings {
    return this.#supplied;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  supply(values: SuppliedSettings['values'], waitingFor: string | null = null): void {
    this.#supplied = { values, waitingFor };
    for (const listener of this.#listeners) listener();
  }

  get listening(): number {
    return this.#listeners.size;
  }
}
