/** Stand-in for `common/wire/handshake-mac.ts` in simulations of many nodes: the same exports, no secrecy. */
import { MAC_BYTES } from '../../../common/wire/handshake-mac.js';
import { isEqual, mix } from './mix.js';

export { MAC_BYTES } from '../../../common/wire/handshake-mac.js';
export type { ClusterMac } from '../../../common/wire/handshake-mac.js';

export function macUnder(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  return mix(MAC_BYTES, key, ...parts);
}

export function macsEqual(a: Uint8Array, b: Uint8Array): boolean {
  return isEqual(a, b);
}
