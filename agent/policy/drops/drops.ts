/**
 * Drops of network policies: counted by the kernel's table, where the counters are read after something was dropped, and logged
 * from the packets that the kernel reports.
 */
import type { DroppedTraffic, PolicyDrops } from '../../../common/api.js';
import type { IpAddress } from '../../../common/address/ip-address.js';
import { wallTimeAt } from '../../../common/clock.js';
import type { Clock } from '../../../common/clock.js';
import { CoalescedTask } from '../../../common/coalesced-task.js';
import { ifItFails, runJson } from '../../../common/host/command.js';
import type { CommandRunner } from '../../../common/host/command.js';
import type { NoticeLog } from '../../../common/notice-log.js';
import { podKey, POLICY_TABLE, readCounters } from '../../../policy/index.js';
import type { Direction, DropCounter, Pod, PolicyTable } from '../../../policy/index.js';
import { DropLog, dropReason } from './drop-log.js';
import type { DroppedFlow } from './drop-log.js';
import { DropTotals } from './drop-totals.js';
import type { DropTotal } from './drop-totals.js';
import { DropWatch } from './drop-watch.js';
import type { PacketLog } from './drop-watch.js';

/** Starting nft costs 50 ms. */
const READ_EVERY_MS = 5_000;

export interface DropsDeps {
  readonly openLog: () => PacketLog;
  readonly podsAt: (ip: IpAddress) => readonly Pod[];
  readonly commands: CommandRunner;
  readonly clock: Clock;
  readonly notices: NoticeLog;
}

export class Drops {
  readonly #totals = new DropTotals();
  readonly #log: DropLog;
  readonly #watch: DropWatch;
  readonly #reading = new CoalescedTask(() => this.#read());
  /** Of the table in force, and of the one before, from which packets may still be on their way. */
  #counters: readonly [PolicyTable['counters'], PolicyTable['counters']] = [new Map(), new Map()];
  #cancelRead: (() => void) | null = null;
  #isLogged = false;

  constructor(readonly deps: DropsDeps) {
    const { openLog: open, commands, clock, notices } = deps;
    this.#log = new DropLog({
      clock,
      log: notices.log,
      counter: (name) => this.#counterOf(name),
      nameOf: (flow, end) => this.#nameOf(flow[end]),
    });
    this.#watch = new DropWatch({
      ...{ open, commands, clock, notices },
      take: (datagram) => this.#log.take(datagram),
      onDrops: () => this.#readSoon(),
    });
  }

  /** Whether the table is to have the kernel report what it drops. */
  get isLogged(): boolean {
    return this.#isLogged;
  }

  /** Packets since the start of the agent, as of the last look at the counters. */
  get sums(): Readonly<Record<Direction, number>> {
    return this.#totals.sums;
  }

  get byPolicies(): readonly DropTotal[] {
    return this.#totals.byPolicies;
  }

  async start(): Promise<void> {
    this.#isLogged = await this.#watch.start();
  }

  stop(): Promise<void> {
    this.#watch.stop();
    this.#cancelRead?.();
    return this.#reading.idle();
  }

  /** Of a table that is in force now. */
  useCounters(counters: PolicyTable['counters']): void {
    if (counters !== this.#counters[0]) this.#counters = [counters, this.#counters[0]];
  }

  /** @param packets by counter, as the kernel has them now */
  take(packets: ReadonlyMap<string, number>): void {
    this.#totals.take(packets, (name) => this.#counterOf(name));
  }

  /** For the API. */
  answer(): PolicyDrops {
    return {
      logged: this.#isLogged,
      totals: this.byPolicies.map(({ policies, ...total }) => ({ ...total, policies: [...policies] })),
      traffic: [...this.#log.flows].reverse().map((flow) => this.#traffic(flow)),
    };
  }

  #traffic({ source, destination, policies, lastMs, ...flow }: DroppedFlow): DroppedTraffic {
    return {
      ...flow,
      last: wallTimeAt(this.deps.clock, lastMs).toISOString(),
      source: { pod: this.#podAt(source), ip: source },
      destination: { pod: this.#podAt(destination), ip: destination },
      policies: [...policies],
      reason: dropReason({ ...flow, policies }),
    };
  }

  #counterOf(name: string): DropCounter | undefined {
    const [now, before] = this.#counters;
    return now.get(name) ?? before.get(name);
  }

  #nameOf(ip: IpAddress): string {
    const pod = this.#podAt(ip);
    return pod === null ? ip : `${pod} (${ip})`;
  }

  #podAt(ip: IpAddress): string | null {
    const [pod] = this.deps.podsAt(ip);
    return pod === undefined ? null : podKey(pod);
  }

  #readSoon(): void {
    this.#cancelRead ??= this.deps.clock.after(READ_EVERY_MS, () => {
      this.#cancelRead = null;
      void this.#reading.run();
    });
  }

  /** A table that is gone meanwhile has no counters; the comparison finds that out. */
  async #read(): Promise<void> {
    const listing = runJson(this.deps.commands, 'nft', ['-j', 'list', 'counters', 'table', ...POLICY_TABLE]);
    const found = await ifItFails(listing, null);
    if (found !== null) this.take(readCounters(found));
  }
}
