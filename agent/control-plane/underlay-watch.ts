/**
 * Observer of the underlay: addresses of this host, what its interfaces drop, MTU towards the peers, addresses of the configured
 * seeds. Looks periodically and on request, and reports what changed.
 */
import type { CommandRunner } from '../../common/host/command.js';
import { messageOf } from '../../common/errors.js';
import type { IpAddress } from '../../common/address/ip-address.js';
import type { SocketAddress } from '../../common/address/socket-address.js';
import { every } from '../../common/clock.js';
import type { Clock } from '../../common/clock.js';
import type { NoticeLog } from '../../common/notice-log.js';
import type { SeedResolver } from './seed-resolver.js';
import { UnderlayDrops } from './underlay-drops.js';
import { DEFAULT_UNDERLAY_MTU_BYTES, underlayInterfaces, underlayMtu } from './underlay.js';
import type { UnderlayFilter } from './underlay.js';

const ADDRESSES_INTERVAL_MS = 10_000;
const SEEDS_INTERVAL_MS = 30_000;
/** A resolver that is down takes longer than a node should take to start. */
const FIRST_SEEDS_WITHIN_MS = 2_000;

export type UnderlayChange = 'addresses' | 'mtu' | 'seeds';

export interface UnderlayWatchDeps {
  readonly commands: CommandRunner;
  /** Asked at every look: settings may change. */
  readonly filter: () => UnderlayFilter;
  /** MTU towards the peers that is configured; 0 for that of the interfaces. */
  readonly configuredMtuBytes: () => number;
  readonly seeds: SeedResolver;
  readonly clock: Clock;
  readonly notices: NoticeLog;
  readonly onChanged: (what: UnderlayChange) => void;
}

export class UnderlayWatch {
  #addresses: readonly IpAddress[] = [];
  #seeds: readonly SocketAddress[] = [];
  #mtuBytes = DEFAULT_UNDERLAY_MTU_BYTES;
  readonly drops = new UnderlayDrops();
  readonly #cancels: (() => void)[] = [];

  constructor(readonly deps: UnderlayWatchDeps) {}

  get addresses(): readonly IpAddress[] {
    return this.#addresses;
  }

  get seeds(): readonly SocketAddress[] {
    return this.#seeds;
  }

  /** MTU of the way to the peers: the upper bound of every path MTU. */
  get mtuBytes(): number {
    return this.#mtuBytes;
  }

  /** Resolves after the first look, which reports nothing. Seeds that take longer to resolve are reported later. */
  async firstLook(): Promise<void> {
    const { clock, seeds } = this.deps;
    const resolved = seeds.addresses();
    const tooLate = new Promise<null>((resolve) =>
      this.#cancels.push(clock.after(FIRST_SEEDS_WITHIN_MS, () => resolve(null))),
    );
    const [addresses, found] = await Promise.all([this.#interfaces(), Promise.race([resolved, tooLate])]);
    this.#cancels.pop()?.();
    this.#addresses = addresses;
    if (found !== null) this.#seeds = found;
    else void resolved.then((late) => this.#seedsFound(late));
    this.#mtuBytes = await this.#currentMtu();
  }

  /** From now on changes are reported. */
  start(): void {
    const { clock } = this.deps;
    this.#cancels.push(every(clock, ADDRESSES_INTERVAL_MS, () => void this.#lookAtHost()));
    this.#cancels.push(every(clock, SEEDS_INTERVAL_MS, () => void this.#lookAtSeeds()));
  }

  /** Looks now: settings changed. */
  async look(): Promise<void> {
    await Promise.all([this.#lookAtHost(), this.#lookAtSeeds()]);
  }

  stop(): void {
    for (const cancel of this.#cancels) cancel();
  }

  async #lookAtHost(): Promise<void> {
    const { notices } = this.deps;
    try {
      this.#addressesFound(await this.#interfaces());
      this.#mtuFound(await this.#currentMtu());
      notices.clear('underlay');
    } catch (thrown) {
      const fields = { error: messageOf(thrown) };
      notices.write('warn', 'addresses and MTU of this host cannot be read', fields, 'underlay');
    }
  }

  /** Addresses of the interfaces that there are now, whose drops are noted. */
  async #interfaces(): Promise<IpAddress[]> {
    const interfaces = await underlayInterfaces(this.deps.commands, this.deps.filter());
    this.drops.note(interfaces.map(({ info }) => info));
    return interfaces.flatMap(({ addresses }) => addresses);
  }

  async #lookAtSeeds(): Promise<void> {
    this.#seedsFound(await this.deps.seeds.addresses());
  }

  async #currentMtu(): Promise<number> {
    const configured = this.deps.configuredMtuBytes();
    return configured > 0 ? configured : underlayMtu(this.deps.commands, this.#seeds);
  }

  #addressesFound(addresses: readonly IpAddress[]): void {
    if (addresses.join() === this.#addresses.join()) return;
    this.#addresses = addresses;
    this.deps.notices.log.info({ addresses }, 'addresses of this host changed');
    this.deps.onChanged('addresses');
  }

  #mtuFound(mtuBytes: number): void {
    if (mtuBytes === this.#mtuBytes) return;
    this.deps.notices.log.info({ mtuBytes, before: this.#mtuBytes }, 'MTU of the underlay changed');
    this.#mtuBytes = mtuBytes;
    this.deps.onChanged('mtu');
  }

  #seedsFound(seeds: readonly SocketAddress[]): void {
    if (JSON.stringify(seeds) === JSON.stringify(this.#seeds)) return;
    this.#seeds = seeds;
    this.deps.onChanged('seeds');
  }
}
