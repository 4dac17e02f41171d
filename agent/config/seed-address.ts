/**
 * Address of a seed as it is configured: `host`, `host:port`, `ip`, `ip:port`, `[ipv6]` or `[ipv6]:port`. Not here: name
 * resolution.
 */
import { AddressError } from '../../common/errors.js';
import type { IpAddress } from '../../common/address/ip-address.js';
import { MAX_PORT, parseSocketAddress } from '../../common/address/socket-address.js';

export type SeedAddress =
  | { readonly type: 'address'; readonly ip: IpAddress; readonly port: number }
  | { readonly type: 'name'; readonly host: string; readonly port: number };

const MAX_NAME_LENGTH = 253;
const LABEL = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?$/i;

/** Throws {@link AddressError}. A name's last label is not a number (RFC 1123, section 2.1), so `010.1.1.1` is not one. */
export function parseSeed(text: string, defaultPort: number): SeedAddress {
  const [, host = '', portText] = /^([^:[\]]+?)(?::(\d+))?$/.exec(text) ?? [];
  const labels = host.replace(/\.$/, '').split('.');
  if (host === '' || /^(\d+|0x[0-9a-f]*)$/i.test(labels.at(-1) ?? '')) {
    return { type: 'address', ...parseSocketAddress(text, defaultPort) };
  }
  if (host.length > MAX_NAME_LENGTH || !labels.every((label) => LABEL.test(label))) {
    throw new AddressError(`"${text}" is not a seed (expected HOST, IP, HOST:PORT or [IPv6]:PORT)`);
  }
  const port = portText === undefined ? defaultPort : Number(portText);
  if (port < 1 || port > MAX_PORT)
    throw new AddressError(`"${text}" has port ${portText ?? ''} (expected 1 to ${MAX_PORT})`);
  return { type: 'name', host, port };
}
