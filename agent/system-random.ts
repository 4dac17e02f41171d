/** The system's random source, for the mesh core. */
import { randomBytes } from 'node:crypto';
import type { RandomSource } from '../mesh/index.js';

export const systemRandom: RandomSource = {
  bytes: (length) => new Uint8Array(randomBytes(length)),
  fraction: () => randomBytes(6).readUIntBE(0, 6) / 2 ** 48,
};
