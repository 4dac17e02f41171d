/**
 * Resolver of the configured seeds (`host`, `ip`, `host:port`, `[ipv6]:port`). Names are resolved periodically, as their
 * addresses change; when a name does not resolve, its last addresses stay.
 */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { messageOf } from '../../common/errors.js';
import { parseIpAddress } from '../../common/address/ip-address.js';
import type { IpAddress } from '../../common/address/ip-address.js';
import { formatSocketAddress } from '../../common/address/socket-address.js';
import type { SocketAddress } from '../../common/address/socket-address.js';
import { parseSeed } from '../config/seed-address.js';
import type { SeedAddress } from '../config/seed-address.js';
import type { NoticeLog } from '../../common/notice-log.js';

/** Bound on the addresses of all seeds together, see `mesh/limits.ts`. */
const MAX_ADDRESSES = 64;

/** All addresses of a host name. Throws when there is none. */
export type ResolveHost = (host: string) => Promise<readonly string[]>;

export const systemResolver: ResolveHost = async (host) =>
  (await lookup(host, { all: true, verbatim: true })).map((found) => found.address);

export class SeedResolver {
  #seeds: readonly SeedAddress[];
  /** Bounded by the configured seeds: what each resolved to last. */
  readonly #lastKnown = new Map<string, readonly IpAddress[]>();

  /** @param seeds as configured; throws AddressError for one that is none */
  constructor(
    seeds: readonly string[],
    readonly defaultPort: number,
    readonly resolve: ResolveHost,
    readonly notices: NoticeLog,
  ) {
    this.#seeds = seeds.map((text) => parseSeed(text, defaultPort));
  }

  /** Replaces the seeds; throws AddressError for one that is none. */
  useSeeds(seeds: readonly string[]): void {
    this.#seeds = seeds.map((text) => parseSeed(text, this.defaultPort));
    const hosts = new Set(this.#seeds.flatMap((seed) => (seed.type === 'name' ? [seed.host] : [])));
    for (const host of this.#lastKnown.keys()) if (!hosts.has(host)) this.#lastKnown.delete(host);
  }

  /** The addresses of all seeds, without duplicates. Never throws: a name that fails keeps its last addresses. */
  async addresses(): Promise<SocketAddress[]> {
    const lists = await Promise.all(this.#seeds.map((seed) => this.#resolveSeed(seed)));
    const unique = new Map(lists.flat().map((address) => [formatSocketAddress(address), address]));
    return [...unique.values()].slice(0, MAX_ADDRESSES);
  }

  async #resolveSeed(seed: SeedAddress): Promise<SocketAddress[]> {
    const addresses = seed.type === 'name' ? await this.#resolveName(seed.host) : [seed.ip];
    return addresses.map((ip) => ({ ip, port: seed.port }));
  }

  async #resolveName(host: string): Promise<readonly IpAddress[]> {
    try {
      const found = (await this.resolve(host)).filter((address) => isIP(address) !== 0 && !address.includes('%'));
      this.#lastKnown.set(host, found.map(parseIpAddress));
      this.notices.clear(`seed ${host}`);
    } catch (thrown) {
      const fields = { seed: host, error: messageOf(thrown), lastKnown: this.#lastKnown.get(host)?.length ?? 0 };
      this.notices.write('warn', 'seed does not resolve', fields, `seed ${host}`);
    }
    return this.#lastKnown.get(host) ?? [];
  }
}
