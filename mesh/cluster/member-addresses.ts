/** Addresses at which members are: those of their adverts, and those that links with them use. */
import { formatSocketAddress } from '../../common/address/socket-address.js';
import type { SocketAddress } from '../../common/address/socket-address.js';
import type { Peer } from '../peer/peer.js';
import type { Advert } from '../wire/advert.js';

/** As text, each with its port and without. Bounded by the members, and by the endpoints of an advert. */
export function memberAddresses(adverts: Iterable<Advert>, peers: Iterable<Peer>): ReadonlySet<string> {
  const addresses = new Set<string>();
  const add = (endpoint: SocketAddress): unknown => addresses.add(endpoint.ip).add(formatSocketAddress(endpoint));
  for (const { endpoints } of adverts) endpoints.forEach(add);
  for (const { path, isProven } of peers) if (isProven && path.endpoint !== null) add(path.endpoint);
  return addresses;
}
