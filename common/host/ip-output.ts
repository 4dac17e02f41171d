/**
 * What `ip -json` prints, as far as the agent reads it, with every field checked: its output differs between versions and
 * leaves out what it has nothing to say about.
 */
import { runJson } from './command.js';
import type { CommandRunner } from './command.js';

export interface PrintedAddress {
  /** `inet` or `inet6`. */
  readonly family: string;
  readonly address: string;
  readonly prefix: number;
  readonly scope: string;
  /** Duplicate address detection is under way or has failed, or the address is about to go or changes by design. */
  readonly unstable: boolean;
}

export interface PrintedLink {
  readonly name: string;
  readonly mac: string;
  readonly mtuBytes: number;
  readonly up: boolean;
  readonly txQueueLength: number | null;
  /** The largest super-frame the kernel gives it, null where `ip` does not tell. */
  readonly gsoMaxBytes: number | null;
  /** Name of the bridge it is a port of, or null. */
  readonly bridge: string | null;
  /** `bridge`, `veth`, `tun`, ..., or null. */
  readonly kind: string | null;
  readonly addressGeneration: string | null;
  /** `ip link set ... alias`, empty when there is none. */
  readonly alias: string;
  /** Fields of `linkinfo.info_data` and `linkinfo.info_slave_data` (`ip -details`). */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly portSettings: Readonly<Record<string, unknown>>;
  readonly addresses: readonly PrintedAddress[];
}

export interface PrintedRoute {
  readonly destination: string;
  readonly device: string | null;
  readonly protocol: string;
  readonly mtuBytes: number | null;
}

/** Runs `ip -json ...` and reads a list of links (`ip link` or `ip address`). */
export async function printedLinks(commands: CommandRunner, args: readonly string[]): Promise<PrintedLink[]> {
  return records(await runJson(commands, 'ip', args)).flatMap(readLink);
}

/** Runs `ip -json ...` and reads a list of routes (`ip route show` or `ip route get`). */
export async function printedRoutes(commands: CommandRunner, args: readonly string[]): Promise<PrintedRoute[]> {
  return records(await runJson(commands, 'ip', args)).flatMap(readRoute);
}

/** `ip` prints an empty object for every link that its own filter leaves out. */
function readLink(link: Fields): PrintedLink[] {
  const name = text(link['ifname']);
  if (name === null) return [];
  const info = fields(link['linkinfo']);
  const flags = Array.isArray(link['flags']) ? link['flags'] : [];
  return [
    {
      name,
      mac: text(link['address']) ?? '',
      mtuBytes: integer(link['mtu']) ?? 0,
      up: flags.includes('UP'),
      txQueueLength: integer(link['txqlen']),
      gsoMaxBytes: integer(link['gso_max_size']),
      bridge: info['info_slave_kind'] === 'bridge' ? text(link['master']) : null,
      kind: text(info['info_kind']),
      alias: text(link['ifalias']) ?? '',
      addressGeneration: text(link['inet6_addr_gen_mode']),
      settings: fields(info['info_data']),
      portSettings: fields(info['info_slave_data']),
      addresses: records(link['addr_info']).flatMap(readAddress),
    },
  ];
}

function readAddress(address: Fields): PrintedAddress[] {
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

function readRoute(route: Fields): PrintedRoute[] {
  const destination = text(route['dst']);
  if (destination === null) return [];
  const metrics = records(route['metrics']);
  return [
    {
      destination,
      device: text(route['dev']),
      protocol: text(route['protocol']) ?? '',
      mtuBytes: metrics.map((metric) => integer(metric['mtu'])).find((mtu) => mtu !== null) ?? null,
    },
  ];
}

type Fields = Readonly<Record<string, unknown>>;

function records(value: unknown): Fields[] {
  return Array.isArray(value) ? value.map(fields) : [];
}

function fields(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

function text(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function integer(value: unknown): number | null {
  return typeof value === 'number' && Number.isInteger(value) ? value : null;
}
