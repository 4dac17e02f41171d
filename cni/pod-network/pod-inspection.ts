/** Reads what `ip -json` says about pod interfaces and bridge ports. Pure; unknown fields are ignored. */
import { Type } from 'typebox';
import type { Static, TSchema } from 'typebox';
import { Check } from 'typebox/value';
import { parseCidr } from '../../common/address/cidr.js';
import type { Cidr } from '../../common/address/cidr.js';
import { DecodeError } from '../../common/errors.js';
import { ADDRESS_BITS, ipFamily, parseIpAddress } from '../../common/address/ip-address.js';
import type { HostPort, PodInterface, PodRouteFound } from '../deps.js';
import { DEFAULT_ROUTE } from './pod-routes.js';

const LinkSchema = Type.Object({
  ifname: Type.String(),
  flags: Type.Array(Type.String()),
  mtu: Type.Integer(),
  address: Type.Optional(Type.String()),
  master: Type.Optional(Type.String()),
  ifalias: Type.Optional(Type.String()),
});
const AddressedLinkSchema = Type.Object({
  ...LinkSchema.properties,
  addr_info: Type.Array(Type.Object({ local: Type.Optional(Type.String()), scope: Type.Optional(Type.String()) })),
});
const RouteSchema = Type.Object({ dst: Type.String(), gateway: Type.Optional(Type.String()) });
/** `ip -json` prints `{}` for links it filtered out. */
const listOf = <T extends TSchema>(item: T) =>
  Type.Array(Type.Union([item, Type.Object({}, { additionalProperties: false })]));

/** @param json of `ip -json addr show dev X`; null when it lists nothing */
export function readPodInterface(json: unknown): PodInterface | null {
  const link = items(AddressedLinkSchema, json)[0];
  if (link === undefined) return null;
  const ips = link.addr_info.flatMap((address) =>
    address.scope === 'global' && address.local !== undefined ? [parseIpAddress(address.local)] : [],
  );
  return { up: link.flags.includes('UP'), mac: link.address ?? '', mtuBytes: link.mtu, ips };
}

/** @param json of `ip -json [-6] route show dev X` */
export function readRoutes(json: unknown, family: 4 | 6): readonly PodRouteFound[] {
  return items(RouteSchema, json).map((route) => ({
    dst: routeDestination(route.dst, family),
    gateway: route.gateway ?? null,
  }));
}

/** @param json of `ip -json link show type veth` */
export function readHostPorts(json: unknown): readonly HostPort[] {
  return items(LinkSchema, json).map((link) => ({
    name: link.ifname,
    mac: link.address ?? '',
    up: link.flags.includes('UP'),
    bridge: link.master ?? null,
    alias: link.ifalias ?? '',
  }));
}

function items<T extends TSchema>(schema: T, json: unknown): Static<T>[] {
  if (!Check(listOf(schema), json)) throw new DecodeError('output of "ip -json" has an unexpected shape');
  return (json as (Static<T> | Record<string, never>)[]).filter(
    (item) => Object.keys(item as object).length > 0,
  ) as Static<T>[];
}

/** `ip` writes `default`, and a host route without its prefix length. */
function routeDestination(text: string, family: 4 | 6): Cidr {
  if (text === 'default') return DEFAULT_ROUTE[family];
  if (text.includes('/')) return parseCidr(text);
  const address = parseIpAddress(text);
  return parseCidr(`${address}/${ADDRESS_BITS[ipFamily(address)]}`);
}
