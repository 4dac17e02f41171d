/** Addresses at which members are: those of their adverts, and those that links with them use. */
import type { IpAddress } from '../../common/address/ip-address.js';
import type { Peer } from '../peer/peer.js';
import type { Advert } from '../wire/advert.js';

/** Bounded by the members, and by the endpoints of an advert. */
export function memberAddresses(adverts: Iterable<Advert>, peers: Iterable<Peer>): ReadonlySet<IpAddress> {
  const addresses = new Set<IpAddress>();
  for (const { endpoints } of adverts) for (const { ip } of endpoints) addresses.add(ip);
  for (const { path, isProven } of peers) if (isProven && path.endpoint !== null) addresses.add(path.endpoint.ip);
  return addresses;
}
