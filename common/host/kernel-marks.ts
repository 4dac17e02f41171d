/**
 * Numbers by which objects of Heddle in a host's kernel are told from others, and the addresses of the next hop into the mesh.
 * Changing one leaves objects of the version before without an owner.
 */
import { parseIpAddress } from '../address/ip-address.js';

/** Protocol of all routes of Heddle (`rt_protos`); a number of no routing daemon. */
export const ROUTE_PROTOCOL = '104';

/** Device group of pods' host interfaces, `hd` in ASCII: the source guard applies to this group. */
export const POD_INTERFACE_GROUP = '26724';

/**
 * Addresses of the next hop into the mesh, of link scope. IPv4: of the block that RFC 3927, 2.1 keeps from self-assigned
 * addresses.
 */
export const MESH_NEXT_HOP = { 4: parseIpAddress('169.254.0.104'), 6: parseIpAddress('fe80::68') } as const;
