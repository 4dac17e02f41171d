/** MAC of handshake and cookie datagrams: HMAC-BLAKE2s, cut to 16 bytes (`docs/wire.md`, section 6). */
import { createHmac, timingSafeEqual } from 'node:crypto';

export const MAC_BYTES = 16;

/** Key of the cluster, which every handshake and cookie datagram is authenticated with. */
export interface ClusterMac {
  /** MAC over the parts, one behind the other. */
  mac(...parts: readonly Uint8Array[]): Uint8Array;
}

/** MAC over the parts under `key`. */
export function macUnder(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  const mac = createHmac('blake2s256', key);
  for (const part of parts) mac.update(part);
  return mac.digest().subarray(0, MAC_BYTES);
}

/** Constant-time comparison. */
export function macsEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
