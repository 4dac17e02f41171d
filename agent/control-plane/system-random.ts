/** Random source of the operating system, for the mesh core. */
import { randomBytes, randomFillSync } from 'node:crypto';
import type { RandomSource } from '../../mesh/index.js';

/** Drawn at once: asking the system for every probe's jitter costs more than sealing the probe. */
const POOLED_WORDS = 1024;
const TWO_POW_32 = 2 ** 32;

const pool = new Uint32Array(POOLED_WORDS);
let left = 0;

export const systemRandom: RandomSource = {
  bytes: (length) => new Uint8Array(randomBytes(length)),
  fraction(): number {
    if (left === 0) left = randomFillSync(pool).length;
    return pool[--left]! / TWO_POW_32;
  },
};
