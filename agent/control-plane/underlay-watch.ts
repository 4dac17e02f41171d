/**
 * Keeps looking at what the mesh must know of the underlay and tells when it changed: this host's addresses and the
 * addresses behind the configured seeds.
 */
import type { CommandRunner } from '../../common/host/command.js';
import { messageOf } from '../../common/errors.js';
import type { IpAddress } from '../../common/address/ip-address.js';
import type { SocketAddress } from '../../common/address/socket-address.js';
import { every } from '../../common/clock.js';
import type { Clock } from '../../common/clock.js';
import type { NoticeLog } from '../../common/notice-log.js';
import type { SeedResolver } from './seed-resolver.js';
import { underlayAddresses } from './underlay.js';
import type { UnderlayFilter } from './underlay.js';

const ADDRESSES_INTERVAL_MS = 10_000;
const SEEDS_INTERVAL_MS = 30_000;
/** A resolver that is down takes longer than a node should take to start. */
const FIRST_SEEDS_WITHIN_MS = 2_000;

export interface UnderlayWatchOptions {
  readonly commands: CommandRunner;
  readonly filter: UnderlayFilter;
  readonly seeds: SeedResolver;
  readonly clock: Clock;
  readonly notices: NoticeLog;
  readonly onAddressesChanged: (addresses: readonly IpAddress[]) => void;
  readonly onSeedsChanged: (seeds: readonly SocketAddress[]) => void;
}

export class UnderlayWatch {
  #addresses: readonly IpAddress[] = [];
  #seeds: readonly SocketAddress[] = [];
  readonly #cancels: (() => void)[] = [];

  constructor(readonly options: UnderlayWatchOptions) {}

  get addresses(): readonly IpAddress[] {
    return this.#addresses;
  }

  get seeds(): readonly SocketAddress[] {
    return this.#seeds;
  }

  /** Resolves after the first look; seeds that take longer to resolve are told of when they have. Tells no changes. */
  async firstLook(): Promise<void> {
    const { clock, commands, filter, seeds } = this.options;
    const resolved = seeds.addresses();
    const tooLate = new Promise<null>((resolve) =>
      this.#cancels.push(clock.after(FIRST_SEEDS_WITHIN_MS, () => resolve(null))),
    );
    const [addresses, found] = await Promise.all([
      underlayAddresses(commands, filter),
      Promise.race([resolved, tooLate]),
    ]);
    this.#cancels.pop()?.();
    this.#addresses = addresses;
    if (found !== null) this.#seeds = found;
    else void resolved.then((late) => this.#tellSeeds(late));
  }

  /** From now on changes are told. */
  start(): void {
    const { clock } = this.options;
    this.#cancels.push(every(clock, ADDRESSES_INTERVAL_MS, () => void this.#lookAtAddresses()));
    this.#cancels.push(every(clock, SEEDS_INTERVAL_MS, () => void this.#lookAtSeeds()));
  }

  stop(): void {
    for (const cancel of this.#cancels) cancel();
  }

  async #lookAtAddresses(): Promise<void> {
    const { commands, filter, notices, onAddressesChanged } = this.options;
    try {
      const addresses = await underlayAddresses(commands, filter);
      if (addresses.join() === this.#addresses.join()) return;
      this.#addresses = addresses;
      notices.log.info({ addresses }, 'addresses of this host changed');
      onAddressesChanged(addresses);
    } catch (thrown) {
      notices.write(
        'warn',
        'addresses of this host cannot be read',
        { error: messageOf(thrown) },
        'underlay addresses',
      );
    }
  }

  async #lookAtSeeds(): Promise<void> {
    this.#tellSeeds(await this.options.seeds.addresses());
  }

  #tellSeeds(seeds: readonly SocketAddress[]): void {
    if (JSON.stringify(seeds) === JSON.stringify(this.#seeds)) return;
    this.#seeds = seeds;
    this.options.onSeedsChanged(seeds);
  }
}
