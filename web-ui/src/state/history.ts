/**
 * History of every link over the last five minutes, kept in the page, since the agent keeps none. Times are wall-clock
 * milliseconds.
 */
import type { Mesh } from './mesh.js';
import { linkKey } from './mesh.js';

export const HISTORY_MS = 5 * 60_000;
/** Snapshots may come every second; a small chart can show one sample in two seconds. */
const SAMPLE_MS = 1_900;
const MAX_SAMPLES = 160;
/** A link has 160 samples of four numbers, about 2.5 KiB. A mesh of 100 nodes has 4950 links. */
const MAX_LINKS = 5_000;

export interface Sample {
  readonly atMs: number;
  /** NaN without a value. */
  readonly rttMs: number;
  readonly abBitsPerSecond: number;
  readonly baBitsPerSecond: number;
}

const FIELDS = 4;

/** A ring of samples, oldest overwritten first. */
class SampleRing {
  readonly #numbers = new Float64Array(MAX_SAMPLES * FIELDS);
  #count = 0;

  push(sample: Sample): void {
    const slot = (this.#count % MAX_SAMPLES) * FIELDS;
    this.#numbers.set([sample.atMs, sample.rttMs, sample.abBitsPerSecond, sample.baBitsPerSecond], slot);
    this.#count += 1;
  }

  /** Oldest first. */
  since(fromMs: number): Sample[] {
    const samples: Sample[] = [];
    for (let index = Math.max(0, this.#count - MAX_SAMPLES); index < this.#count; index++) {
      const slot = (index % MAX_SAMPLES) * FIELDS;
      const [atMs = 0, rttMs = NaN, abBitsPerSecond = 0, baBitsPerSecond = 0] = this.#numbers.subarray(
        slot,
        slot + FIELDS,
      );
      if (atMs >= fromMs) samples.push({ atMs, rttMs, abBitsPerSecond, baBitsPerSecond });
    }
    return samples;
  }
}

export class History {
  /** Bounded by {@link MAX_LINKS}; links that left the mesh are dropped. */
  readonly #rings = new Map<string, SampleRing>();
  #lastMs = -Infinity;

  /** Adds a sample of every link, unless the last one is too recent. */
  record(mesh: Mesh, nowMs: number): void {
    if (nowMs - this.#lastMs < SAMPLE_MS) return;
    this.#lastMs = nowMs;
    for (const key of this.#rings.keys()) if (!mesh.linkByKey.has(key)) this.#rings.delete(key);
    for (const link of mesh.links) {
      const { rttMs, abBitsPerSecond, baBitsPerSecond } = link;
      this.#ring(linkKey(link.a, link.b))?.push({ atMs: nowMs, rttMs: rttMs ?? NaN, abBitsPerSecond, baBitsPerSecond });
    }
  }

  /** Samples of the last five minutes of one link, oldest first. */
  of(key: string, nowMs: number): readonly Sample[] {
    return this.#rings.get(key)?.since(nowMs - HISTORY_MS) ?? [];
  }

  #ring(key: string): SampleRing | undefined {
    const known = this.#rings.get(key);
    if (known !== undefined || this.#rings.size >= MAX_LINKS) return known;
    const ring = new SampleRing();
    this.#rings.set(key, ring);
    return ring;
  }
}
