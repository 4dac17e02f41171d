/** UDP address on the underlay: `192.0.2.1:6785` or `[2001:db8::1]:6785`. */
import { AddressError } from '../errors.js';
import { ipFamily, parseIpAddress } from './ip-address.js';
import type { IpAddress } from './ip-address.js';

export const MAX_PORT = 65_535;

export interface SocketAddress {
  readonly ip: IpAddress;
  readonly port: number;
}

/** Parses `ip:port` or `[ipv6]:port`; `defaultPort` is used when there is none. Throws {@link AddressError}. */
export function parseSocketAddress(text: string, defaultPort?: number): SocketAddress {
  const match = /^\[([^\]]*:[^\]]*)\](?::([1-9]\d*))?$/.exec(text) ?? /^([^:[]+)(?::([1-9]\d*))?$/.exec(text);
  const bare = match === null && text.includes(':') ? [text, text, undefined] : match;
  if (!bare?.[1]) throw new AddressError(`"${text}" is not a socket address (expected IP:PORT or [IPv6]:PORT)`);
  const port = bare[2] === undefined ? defaultPort : Number(bare[2]);
  if (port === undefined || port > MAX_PORT) {
    throw new AddressError(
      `"${text}" has ${bare[2] === undefined ? 'no port' : `port ${bare[2]}`} (expected 1 to ${MAX_PORT})`,
    );
  }
  return { ip: parseIpAddress(bare[1]), port };
}

export function formatSocketAddress(address: SocketAddress): string {
  return ipFamily(address.ip) === 6 ? `[${address.ip}]:${address.port}` : `${address.ip}:${address.port}`;
}

export function sameSocketAddress(a: SocketAddress, b: SocketAddress): boolean {
  return a.ip === b.ip && a.port === b.port;
}
