/**
 * Guards that keep the API on this machine, as it has no password: the address to bind must be a loopback address, and
 * the `Host` of a request must be a loopback name, since a hostile page can point its own name at 127.0.0.1 (DNS
 * rebinding).
 */
import { cidrContains, parseCidr } from '../../../common/address/cidr.js';
import { ConfigError, messageOf } from '../../../common/errors.js';
import { ipFamily, parseIpAddress } from '../../../common/address/ip-address.js';
import type { IpAddress } from '../../../common/address/ip-address.js';

const LOOPBACK_V4 = parseCidr('127.0.0.0/8');
const LOOPBACK_V6 = '::1';

function isLoopback(address: IpAddress): boolean {
  return ipFamily(address) === 4 ? cidrContains(LOOPBACK_V4, address) : address === LOOPBACK_V6;
}

/** The address to bind. Throws {@link ConfigError} unless `text` is `localhost` or a loopback address. */
export function requireLoopback(text: string): IpAddress {
  const problem = (why: string): ConfigError =>
    new ConfigError([`apiAddress "${text}" ${why} (expected 127.0.0.1, ::1 or empty)`]);
  let address: IpAddress;
  try {
    address = parseIpAddress(text === 'localhost' ? '127.0.0.1' : text);
  } catch (thrown) {
    throw problem(`is not an address: ${messageOf(thrown)}`);
  }
  if (!isLoopback(address)) throw problem('is not a loopback address, and the API has no authentication');
  return address;
}

/** Whether a `Host` header names this machine as only this machine can: `localhost`, `127.x.x.x` or `[::1]`, any port. */
export function isLoopbackHost(host: string | undefined): boolean {
  const name = /^(\[[0-9a-fA-F:.]+\]|[^:[\]]+)(?::\d{1,5})?$/.exec(host ?? '')?.[1]?.toLowerCase();
  if (name === undefined) return false;
  if (name === 'localhost' || name === '[::1]') return true;
  return /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(name);
}
