/**
 * MAC addresses: those of gateway and next hop, and the computed MAC of a pod. IPv4: `0a:58` and the four address bytes.
 * IPv6: `0a:59` and 32 bits of an FNV-1a hash of the address. Two pods may have the same hash: no MAC leaves the node, and
 * the node has its pods as neighbours on interfaces of their own.
 */
import type { Brand } from '../brand.js';
import { AddressError } from '../errors.js';
import { ipFamily, ipToBytes } from './ip-address.js';
import type { IpAddress } from './ip-address.js';

export type MacAddress = Brand<string, 'MacAddress'>;

/**
 * MAC of the gateway, which is the bridge of the node. The same on every node: the bridges are links of their own, and a
 * pod's neighbour entry for its gateway stays right whatever becomes of the node's identity and pod CIDRs.
 */
export const GATEWAY_MAC = '0a:5a:00:00:00:01' as MacAddress;
/** MAC of the next hop into the mesh, which is the router behind the TAP. */
export const MESH_MAC = '0a:5a:00:00:00:02' as MacAddress;

/** Parses `xx:xx:xx:xx:xx:xx` and lower-cases it. Throws {@link AddressError}. */
export function parseMacAddress(text: string): MacAddress {
  if (!/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(text)) {
    throw new AddressError(`"${text}" is not a MAC address (expected six hexadecimal bytes with colons)`);
  }
  return text.toLowerCase() as MacAddress;
}

export function macToBytes(mac: MacAddress): Uint8Array {
  return Uint8Array.from(mac.split(':'), (byte) => parseInt(byte, 16));
}

export function macFromBytes(bytes: Uint8Array): MacAddress {
  if (bytes.length !== 6) throw new AddressError(`a MAC address has 6 bytes, not ${bytes.length}`);
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(':') as MacAddress;
}

/** The MAC of the pod at this address, unless another one is asked for. */
export function computedMac(address: IpAddress): MacAddress {
  const bytes = ipToBytes(address);
  if (ipFamily(address) === 4) return macFromBytes(Uint8Array.of(0x0a, 0x58, ...bytes));
  const hash = fnv1a(bytes);
  return macFromBytes(Uint8Array.of(0x0a, 0x59, hash >>> 24, hash >>> 16, hash >>> 8, hash));
}

/** FNV-1a, 32 bit (offset basis 2166136261, prime 16777619). */
function fnv1a(bytes: Uint8Array): number {
  return bytes.reduce((hash, byte) => Math.imul(hash ^ byte, 16777619), 2166136261) >>> 0;
}
