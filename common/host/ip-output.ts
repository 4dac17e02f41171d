/**
 * Reader of `ip -json` output: interfaces with their addresses, routes, and neighbours. Every field is checked, since the
 * output differs between versions of iproute2 and leaves out fields without a value. In Heddle a "link" is a session between nodes; what
 * `ip link` lists is called an interface.
 */
import { isRecord } from '../codec/message-shape.js';
import { DEFAULT_ROUTE, hostCidr, parseCidr } from '../address/cidr.js';
import type { Cidr } from '../address/cidr.js';
import { parseIpAddress } from '../address/ip-address.js';
import type { IpFamily } from '../address/ip-address.js';
import { DecodeError } from '../errors.js';
import { runJson } from './command.js';
import type { CommandRunner } from './command.js';

export interface InterfaceAddress {
  /** `inet` or `inet6`. */
  readonly family: string;
  readonly address: string;
  readonly prefix: number;
  readonly scope: string;
  /** Tentative, failed duplicate address detection, deprecated or temporary: not to be advertised. */
  readonly unstable: boolean;
}

/** Other end of a veth pair that lies in another network namespace. */
export interface VethPeer {
  /** Interface index in that namespace. */
  readonly index: number;
  /** Identifier of that namespace in this one (`link-netnsid`). */
  readonly netnsId: number;
}

export interface InterfaceInfo {
  readonly name: string;
  /** Interface number. */
  readonly index: number;
  readonly mac: string;
  readonly mtuBytes: number;
  readonly up: boolean;
  readonly txQueueLength: number | null;
  /** Queueing discipline: `noqueue`, `fq_codel`, ..., or empty. */
  readonly discipline: string;
  /** Packets that left and that the interface could not take, since it was made. Null without `-statistics`. */
  readonly sending: { readonly packets: number; readonly dropped: number } | null;
  /** `gso_max_size`; null when `ip` does not print it. */
  readonly gsoMaxBytes: number | null;
  /** Name of the bridge that the interface is a port of, or null. Needs `-details`. */
  readonly bridge: string | null;
  /** `bridge`, `veth`, `tun`, ..., or null. Needs `-details`. */
  readonly kind: string | null;
  /** Device group: a number, or a name of `/etc/iproute2/group`. */
  readonly group: string;
  /** Null for an interface that is no veth, or whose peer is in this namespace. */
  readonly peer: VethPeer | null;
  readonly addressGeneration: string | null;
  /** `ip link set ... alias`; empty when there is none. */
  readonly alias: string;
  /** `linkinfo.info_data`: settings of this kind of interface. Needs `-details`. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** `linkinfo.info_slave_data`: settings as a port of its bridge. Needs `-details`. */
  readonly portSettings: Readonly<Record<string, unknown>>;
  /** Filled by `ip address` only. */
  readonly addresses: readonly InterfaceAddress[];
}

export interface RouteInfo {
  /** `unicast`, `unreachable`, ... */
  readonly type: string;
  /** A CIDR, an address without prefix length, or `default`. */
  readonly destination: string;
  readonly gateway: string | null;
  readonly device: string | null;
  readonly protocol: string;
  /** `src`; null when there is none. */
  readonly source: string | null;
  /** Null when `ip` does not print it. */
  readonly metric: number | null;
  /** Number or name; null for the main table, and when only one table is listed. */
  readonly table: string | null;
  readonly family: IpFamily;
  readonly mtuBytes: number | null;
}

export interface NeighbourInfo {
  readonly address: string;
  readonly device: string;
  readonly mac: string;
}

/** Rule that selects a table by the source address. */
export interface RuleInfo {
  readonly source: string;
  /** Number or name. */
  readonly table: string;
}

/**
 * Interfaces that `ip -json ARGS` lists (`ip link` or `ip address`). Throws CommandError, or {@link DecodeError} on output
 * of another shape.
 * @param prefix program and arguments before `ip`, as `['nsenter', '--net=PATH']`
 */
export async function listInterfaces(
  commands: CommandRunner,
  args: readonly string[],
  prefix: readonly string[] = [],
): Promise<InterfaceInfo[]> {
  return (await runIp(commands, args, prefix)).map(readInterface);
}

/** Routes that `ip -json ARGS` lists (`ip route show` or `ip route get`); otherwise as {@link listInterfaces}. */
export async function listRoutes(
  commands: CommandRunner,
  args: readonly string[],
  prefix: readonly string[] = [],
): Promise<RouteInfo[]> {
  return (await runIp(commands, args, prefix)).map(readRoute);
}

/** Neighbours that `ip -json ARGS` lists (`ip neigh show`), those without a MAC left out; otherwise as {@link listInterfaces}. */
export async function listNeighbours(
  commands: CommandRunner,
  args: readonly string[],
  prefix: readonly string[] = [],
): Promise<NeighbourInfo[]> {
  return (await runIp(commands, args, prefix)).flatMap((entry) => {
    const mac = text(entry['lladdr']);
    return mac === null ? [] : [{ address: required(entry, 'dst'), device: text(entry['dev']) ?? '', mac }];
  });
}

/** Rules for single source addresses; otherwise as {@link listInterfaces}. `ip` lists one family at a time. */
export async function listSourceRules(
  commands: CommandRunner,
  family: IpFamily,
  prefix: readonly string[] = [],
): Promise<RuleInfo[]> {
  return (await runIp(commands, ['rule', 'show'], prefix, family)).flatMap((entry) => {
    const source = text(entry['src']);
    const table = text(entry['table']);
    if (source === null || source === 'all' || table === null || integer(entry['srclen']) !== null) return [];
    return [{ source, table }];
  });
}

/** `ip` prints `default`, and a host route without its prefix length. */
export function routeCidr(destination: string, family: IpFamily): Cidr {
  if (destination === 'default') return DEFAULT_ROUTE[family];
  return destination.includes('/') ? parseCidr(destination) : hostCidr(parseIpAddress(destination));
}

/** `ip`, for one family where it is given. */
export function ipProgram(family?: IpFamily): string[] {
  return family === undefined ? ['ip'] : ['ip', `-${family}`];
}

/** `ip` prints an empty object for every entry that its own filter leaves out. */
async function runIp(
  commands: CommandRunner,
  args: readonly string[],
  prefix: readonly string[],
  family?: IpFamily,
): Promise<Fields[]> {
  const [program = 'ip', ...rest] = [...prefix, ...ipProgram(family), '-json', ...args];
  const list = await runJson(commands, program, rest);
  if (!Array.isArray(list)) throw unexpected('a list', list);
  return list.map(fields).filter((entry) => Object.keys(entry).length > 0);
}

function readInterface(entry: Fields): InterfaceInfo {
  const info = fields(entry['linkinfo']);
  const flags = Array.isArray(entry['flags']) ? entry['flags'] : [];
  return {
    name: required(entry, 'ifname'),
    index: integer(entry['ifindex']) ?? 0,
    mac: text(entry['address']) ?? '',
    mtuBytes: integer(entry['mtu']) ?? 0,
    up: flags.includes('UP'),
    txQueueLength: integer(entry['txqlen']),
    discipline: text(entry['qdisc']) ?? '',
    sending: readSending(fields(entry['stats64'])),
    gsoMaxBytes: integer(entry['gso_max_size']),
    bridge: info['info_slave_kind'] === 'bridge' ? text(entry['master']) : null,
    kind: text(info['info_kind']),
    alias: text(entry['ifalias']) ?? '',
    group: text(entry['group']) ?? '',
    peer: readPeer(entry),
    addressGeneration: text(entry['inet6_addr_gen_mode']),
    settings: fields(info['info_data']),
    portSettings: fields(info['info_slave_data']),
    addresses: records(entry['addr_info']).flatMap(readAddress),
  };
}

function readSending(statistics: Fields): InterfaceInfo['sending'] {
  const { packets, dropped } = fields(statistics['tx']);
  return typeof packets === 'number' && typeof dropped === 'number' ? { packets, dropped } : null;
}

function readPeer(entry: Fields): VethPeer | null {
  const index = integer(entry['link_index']);
  const netnsId = integer(entry['link_netnsid']);
  return index === null || netnsId === null ? null : { index, netnsId };
}

/** Entries without a local address or prefix length are left out. */
function readAddress(address: Fields): InterfaceAddress[] {
  const local = text(address['local']);
  const prefix = integer(address['prefixlen']);
  if (local === null || prefix === null) return [];
  const unstable = ['tentative', 'dadfailed', 'deprecated', 'temporary'].some((flag) => address[flag] === true);
  return [
    {
      family: text(address['family']) ?? '',
      address: local,
      prefix,
      scope: text(address['scope']) ?? '',
      unstable,
    },
  ];
}

function readRoute(route: Fields): RouteInfo {
  const metrics = records(route['metrics']);
  return {
    type: text(route['type']) ?? 'unicast',
    destination: required(route, 'dst'),
    gateway: text(route['gateway']),
    device: text(route['dev']),
    protocol: text(route['protocol']) ?? '',
    source: text(route['prefsrc']),
    metric: integer(route['metric']),
    table: text(route['table']),
    family: familyOfRoute(route),
    mtuBytes: metrics.map((metric) => integer(metric['mtu'])).find((mtu) => mtu !== null) ?? null,
  };
}

/** `ip` prints a preference for routes of IPv6 only. */
function familyOfRoute(route: Fields): IpFamily {
  return 'pref' in route || required(route, 'dst').includes(':') ? 6 : 4;
}

type Fields = Readonly<Record<string, unknown>>;

function records(value: unknown): Fields[] {
  return Array.isArray(value) ? value.map(fields) : [];
}

function fields(value: unknown): Fields {
  return isRecord(value) ? value : {};
}

function required(entry: Fields, name: string): string {
  const value = text(entry[name]);
  if (value === null) throw unexpected(`text in "${name}"`, entry[name]);
  return value;
}

function text(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function integer(value: unknown): number | null {
  return typeof value === 'number' && Number.isInteger(value) ? value : null;
}

function unexpected(expected: string, found: unknown): DecodeError {
  return new DecodeError(`output of "ip -json": expected ${expected}, found ${JSON.stringify(found) ?? 'nothing'}`);
}
