/**
 * Address allocation as a service: the pure allocator, its store, and a queue that orders all changes. A change is on disk
 * before it is visible; a change that cannot be written has no effect.
 */
import type { Cidr } from '../common/address/cidr.js';
import { systemDisk } from '../common/storage/disk.js';
import type { Disk } from '../common/storage/disk.js';
import type { DurableRead } from '../common/storage/durable-file.js';
import { HeddleError } from '../common/errors.js';
import { ipToBigInt } from '../common/address/ip-address.js';
import type { IpAddress } from '../common/address/ip-address.js';
import type { Logger } from '../common/log.js';
import { bootId, sinceBootMs } from '../common/host/boot.js';
import { JoinedCalls } from '../common/joined-calls.js';
import { KeyedQueue } from '../common/keyed-queue.js';
import type { AddressOwner, AllocatorState, AssignedAddress, LiveOwner, ReleasedAddress } from './allocation.js';
import { AllocationStore } from './allocation-store.js';
import type { AllocationRecord, QuarantineRecord } from './allocation-store.js';
import {
  allocate,
  cidrOf,
  emptyAllocator,
  QUARANTINE_MS,
  release,
  stopAllocatingFrom,
  useCidrs,
  usageOf,
} from './allocator.js';
import type { CidrUsage } from './allocator.js';
import { reconcile } from './reconciliation.js';
import type { ReconcileReport } from './reconciliation.js';

/** Pending changes; each is a CNI call, of which runtimes make far fewer at a time. */
const MAX_PENDING = 4096;
/** One key, hence one order of all changes. */
const QUEUE_KEY = 'allocations';
/** Changes in one write of the record. */
const MAX_TOGETHER = 64;

/** May throw: the change is then refused, and has no effect. */
type Change = (state: AllocatorState) => AllocatorState;

export interface IpamOptions {
  /** Absolute; for this use alone. */
  readonly directory: string;
  /** This node's pod CIDRs; {@link Ipam.useCidrs} replaces them. */
  readonly cidrs: readonly Cidr[];
  readonly log: Logger;
  readonly disk?: Disk;
  /** Monotonic milliseconds since the boot with `bootId`; the wall clock may jump. */
  readonly nowMs?: () => number;
  readonly bootId?: string;
}

export interface AllocationView {
  readonly ip: IpAddress;
  readonly owner: AddressOwner;
}

export class Ipam {
  readonly #queue = new KeyedQueue('address allocator', MAX_PENDING);
  /** Allocations and releases. */
  readonly #changes = new JoinedCalls<Change>(
    (changes) => this.#queue.run(QUEUE_KEY, () => this.#apply(changes)),
    MAX_TOGETHER,
  );
  readonly #store: AllocationStore;
  readonly #log: Logger;
  readonly #nowMs: () => number;
  #state: AllocatorState;
  /** No address is allocated before the first reconciliation: a live pod may have one that the store does not hold. */
  #reconciled = false;
  /** Whether the store was empty at start. An unrecorded live pod then means that the store was lost. */
  readonly #startedEmpty: boolean;
  /** Whether the file may differ from the state: it was damaged, or a write failed. */
  #mustSave: boolean;

  private constructor(options: IpamOptions, store: AllocationStore, loaded: DurableRead<AllocationRecord>) {
    this.#store = store;
    this.#log = options.log;
    this.#nowMs = options.nowMs ?? sinceBootMs;
    this.#startedEmpty = loaded.kind === 'absent';
    this.#mustSave = loaded.kind === 'corrupt';
    this.#state = restoredState(options.cidrs, loaded, store.bootId, this.#nowMs());
  }

  /** Loads the state. A damaged file is copied and reported; {@link reconcile} rebuilds its content. */
  static async open(options: IpamOptions): Promise<Ipam> {
    const store = new AllocationStore(options.disk ?? systemDisk, options.directory, options.bootId ?? bootId());
    const loaded = await store.load();
    if (loaded.kind === 'corrupt') {
      options.log.error(
        { keptAs: loaded.keptAs, reason: loaded.reason },
        'record of allocated addresses is damaged; it is rebuilt from live pods',
      );
    }
    return new Ipam(options, store, loaded);
  }

  /**
   * One address per pod CIDR, durable when this resolves; the same ones when the owner has them already.
   * Rejects with NOT_READY before the first {@link reconcile}, ALLOCATION_EXHAUSTED, ALLOCATION_CONFLICT,
   * ADDRESS_INVALID (requested addresses), STORE_FAILED.
   */
  async allocate(owner: AddressOwner, requested: readonly IpAddress[] = []): Promise<readonly AssignedAddress[]> {
    let addresses: readonly AssignedAddress[] = [];
    await this.#changes.run((state) => {
      if (!this.#reconciled)
        throw new HeddleError(
          'NOT_READY',
          'addresses of running pods are still being collected: try again in a few seconds',
        );
      if (state.cidrs.length === 0) throw new HeddleError('NOT_READY', 'this node has no pod CIDR: set podCidrs');
      const step = allocate(state, owner, requested, this.#nowMs());
      addresses = step.addresses;
      return step.state;
    });
    return addresses;
  }

  /** Puts the owner's addresses into quarantine. Rejects with STORE_FAILED; they then stay allocated. */
  release(owner: AddressOwner): Promise<void> {
    return this.#changes.run((state) => release(state, owner, this.#nowMs()));
  }

  /**
   * Reconciles the record with all pods that exist (`reconciliation.ts`). Must run once before anything
   * is allocated, and may run at any time.
   */
  reconcile(live: readonly LiveOwner[]): Promise<ReconcileReport> {
    return this.#queue.run(QUEUE_KEY, async () => {
      const nowMs = this.#nowMs();
      const { state, report } = reconcile(this.#state, live, nowMs);
      const storeWasLost = this.#startedEmpty && !this.#reconciled && report.adopted.length > 0;
      await this.#commit(storeWasLost ? { ...state, coldUntilMs: nowMs + QUARANTINE_MS } : state);
      this.#reconciled = true;
      this.#reportReconciliation(report);
      return report;
    });
  }

  /**
   * Replaces the node's pod CIDRs. Pods keep addresses from those that are gone ({@link withdrawn}); no new ones are given
   * out from there. Rejects with ADDRESS_INVALID when CIDRs overlap, STORE_FAILED; the old ones then stay.
   */
  useCidrs(cidrs: readonly Cidr[]): Promise<void> {
    return this.#queue.run(QUEUE_KEY, () => this.#commit(useCidrs(this.#state, cidrs, this.#nowMs())));
  }

  /** CIDRs that were taken from this node while pods have addresses from them. */
  get withdrawn(): readonly Cidr[] {
    return this.#state.withdrawn;
  }

  /** Replaces the list of the node's CIDRs from which nothing new is allocated. */
  stopAllocatingFrom(cidrs: readonly Cidr[]): Promise<void> {
    return this.#queue.run(QUEUE_KEY, async () => {
      this.#state = stopAllocatingFrom(this.#state, cidrs);
      return Promise.resolve();
    });
  }

  /** All allocations, by address. */
  list(): readonly AllocationView[] {
    return [...this.#state.allocations]
      .map(([ip, held]) => ({ ip, owner: held.owner }))
      .sort((a, b) => (ipToBigInt(a.ip) < ipToBigInt(b.ip) ? -1 : 1));
  }

  usage(): readonly CidrUsage[] {
    return usageOf(this.#state, this.#nowMs());
  }

  /** Why a new pod would get no address now, or null. */
  get obstacle(): string | null {
    try {
      allocate(this.#state, { containerId: '', ifname: '' }, [], this.#nowMs());
      return null;
    } catch (thrown) {
      if (thrown instanceof HeddleError) return thrown.message;
      throw thrown;
    }
  }

  /** Writes the record again. Rejects with STORE_FAILED. */
  rewrite(): Promise<void> {
    return this.#queue.run(QUEUE_KEY, () => {
      this.#mustSave = true;
      return this.#commit(this.#state);
    });
  }

  /** Makes the changes in order, and one write for all. */
  async #apply(changes: readonly Change[]): Promise<readonly PromiseSettledResult<void>[]> {
    let next = this.#state;
    const outcomes = changes.map((change): PromiseSettledResult<void> => {
      try {
        next = change(next);
        return { status: 'fulfilled', value: undefined };
      } catch (thrown) {
        return { status: 'rejected', reason: thrown };
      }
    });
    const [written] = await Promise.allSettled([this.#commit(next)]);
    return outcomes.map((outcome) => (outcome.status === 'fulfilled' ? written : outcome));
  }

  async #commit(next: AllocatorState): Promise<void> {
    if (next === this.#state && !this.#mustSave) return;
    this.#mustSave = true;
    await this.#store.save(next, this.#nowMs());
    this.#state = next;
    this.#mustSave = false;
  }

  #reportReconciliation(report: ReconcileReport): void {
    for (const conflict of report.conflicts)
      this.#log.error({ conflict }, 'two live pods have the same address: delete one of them');
    if (report.adopted.length + report.freed.length > 0) {
      this.#log.info({ adopted: report.adopted, freed: report.freed }, 'allocations reconciled with live pods');
    }
  }
}

/** The recorded state with the present CIDRs. A record of version 0.1 does not name its CIDRs. */
function restoredState(
  cidrs: readonly Cidr[],
  loaded: DurableRead<AllocationRecord>,
  boot: string,
  nowMs: number,
): AllocatorState {
  const empty = emptyAllocator(cidrs);
  if (loaded.kind === 'absent') return empty;
  if (loaded.kind === 'corrupt') return { ...empty, coldUntilMs: nowMs + QUARANTINE_MS };
  const { allocations, cursors, historyLost, cidrs: earlier } = loaded.value;
  const times = loaded.value.quarantine?.bootId === boot ? loaded.value.quarantine : null;
  const before: AllocatorState = {
    ...empty,
    cidrs: earlier,
    allocations: new Map([...allocations].map(([ip, owner]) => [ip, { owner, allocatedAtMs: -Infinity }])),
    released: restoredReleases(loaded.value, times, nowMs),
    cursors,
    coldUntilMs: historyLost ? Math.min(times?.coldUntilMs ?? Infinity, nowMs + QUARANTINE_MS) : -Infinity,
  };
  return useCidrs(before, cidrs, nowMs);
}

/** @param times null when their clock is not ours: every address is then freed now */
function restoredReleases(
  { released, quarantine, cidrs }: AllocationRecord,
  times: QuarantineRecord | null,
  nowMs: number,
): readonly ReleasedAddress[] {
  const known = new Map(quarantine?.releases.map((release) => [release.ip, release]));
  return released.map((ip) => ({
    ip,
    cidr: cidrOf(cidrs, ip),
    releasedAtMs: times === null ? nowMs : Math.min(known.get(ip)?.atMs ?? nowMs, nowMs),
    owner: known.get(ip)?.owner ?? null,
  }));
}
