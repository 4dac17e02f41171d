/**
 * Address allocation as a service: the pure allocator, its store, and one queue that puts all changes in order. A change
 * is on disk before anyone learns of it; one that could not be written has not happened.
 */
import { performance } from 'node:perf_hooks';
import type { Cidr } from '../common/address/cidr.js';
import { systemDisk } from '../common/storage/disk.js';
import type { Disk } from '../common/storage/disk.js';
import type { DurableRead } from '../common/storage/durable-file.js';
import { HeddleError } from '../common/errors.js';
import { ipToBigInt } from '../common/address/ip-address.js';
import type { IpAddress } from '../common/address/ip-address.js';
import type { Logger } from '../common/log.js';
import { KeyedQueue } from '../common/keyed-queue.js';
import type { AddressOwner, AllocatorState, AssignedAddress, LiveOwner } from './allocation.js';
import { AllocationStore } from './allocation-store.js';
import type { AllocationRecord } from './allocation-store.js';
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

/** Callers that may wait; each is a CNI call, which the runtime's own limits keep far below. */
const MAX_PENDING = 4096;
/** One key, hence one order of all changes. */
const QUEUE_KEY = 'allocations';

export interface IpamOptions {
  /** Absolute; used by nobody else. */
  readonly directory: string;
  /** This node's pod CIDRs; {@link Ipam.useCidrs} replaces them. */
  readonly cidrs: readonly Cidr[];
  readonly log: Logger;
  readonly disk?: Disk;
  /** Monotonic milliseconds: never the wall clock, which may jump. */
  readonly nowMs?: () => number;
}

export interface AllocationView {
  readonly ip: IpAddress;
  readonly owner: AddressOwner;
}

export class Ipam {
  readonly #queue = new KeyedQueue('address allocator', MAX_PENDING);
  readonly #store: AllocationStore;
  readonly #log: Logger;
  readonly #nowMs: () => number;
  #state: AllocatorState;
  /** Nothing is given out before the first reconciliation: a live pod may have an address the store does not know. */
  #reconciled = false;
  /** Whether the store was empty at start: then an unknown live pod means that the store was lost. */
  readonly #startedEmpty: boolean;
  /** Whether the disk may hold something else than the state: a damaged file, or what a failed write left. */
  #mustSave: boolean;

  private constructor(options: IpamOptions, store: AllocationStore, loaded: DurableRead<AllocationRecord>) {
    this.#store = store;
    this.#log = options.log;
    this.#nowMs = options.nowMs ?? (() => performance.now());
    this.#startedEmpty = loaded.kind === 'absent';
    this.#mustSave = loaded.kind === 'corrupt';
    this.#state = restoredState(options.cidrs, loaded, this.#nowMs());
  }

  /** Loads what is on disk. A corrupt store is kept aside and reported; {@link reconcile} rebuilds it. */
  static async open(options: IpamOptions): Promise<Ipam> {
    const store = new AllocationStore(options.disk ?? systemDisk, options.directory);
    const loaded = await store.load();
    if (loaded.kind === 'corrupt') {
      options.log.error(
        { keptAs: loaded.keptAs, reason: loaded.reason },
        'the record of allocated addresses was damaged; it is rebuilt from the pods that live',
      );
    }
    return new Ipam(options, store, loaded);
  }

  /**
   * One address per pod CIDR, durable when this resolves; the same ones when the owner has them already.
   * Rejects with NOT_READY before the first {@link reconcile}, ALLOCATION_EXHAUSTED, ALLOCATION_CONFLICT,
   * ADDRESS_INVALID (requested addresses), STORE_FAILED.
   */
  allocate(owner: AddressOwner, requested: readonly IpAddress[] = []): Promise<readonly AssignedAddress[]> {
    return this.#queue.run(QUEUE_KEY, async () => {
      if (!this.#reconciled) throw new HeddleError('NOT_READY', 'addresses of running pods are still being collected');
      if (this.#state.cidrs.length === 0) throw new HeddleError('NOT_READY', 'this node has no pod CIDR');
      const step = allocate(this.#state, owner, requested, this.#nowMs());
      await this.#commit(step.state);
      return step.addresses;
    });
  }

  /** Puts the owner's addresses into quarantine. Rejects with STORE_FAILED; they then stay allocated. */
  release(owner: AddressOwner): Promise<void> {
    return this.#queue.run(QUEUE_KEY, () => this.#commit(release(this.#state, owner, this.#nowMs())));
  }

  /**
   * Makes the record agree with the pods that exist (all of them, see `reconciliation.ts`). Must run once before anything
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

  /** From now on nothing new is given out from these of the node's CIDRs, and from no others is it withheld. */
  stopAllocatingFrom(cidrs: readonly Cidr[]): Promise<void> {
    return this.#queue.run(QUEUE_KEY, async () => {
      this.#state = stopAllocatingFrom(this.#state, cidrs);
      return Promise.resolve();
    });
  }

  /** Everything allocated, by address. */
  list(): readonly AllocationView[] {
    return [...this.#state.allocations]
      .map(([ip, held]) => ({ ip, owner: held.owner }))
      .sort((a, b) => (ipToBigInt(a.ip) < ipToBigInt(b.ip) ? -1 : 1));
  }

  usage(): readonly CidrUsage[] {
    return usageOf(this.#state, this.#nowMs());
  }

  async #commit(next: AllocatorState): Promise<void> {
    if (next === this.#state && !this.#mustSave) return;
    this.#mustSave = true;
    await this.#store.save(next, this.#nowMs());
    this.#state = next;
    this.#mustSave = false;
  }

  #reportReconciliation(report: ReconcileReport): void {
    for (const conflict of report.conflicts) this.#log.error({ conflict }, 'two live pods have one address');
    if (report.adopted.length + report.freed.length > 0) {
      this.#log.info({ adopted: report.adopted, freed: report.freed }, 'addresses reconciled with the pods that live');
    }
  }
}

/** The state as it was recorded, with the CIDRs of now. A record of version 0.1 does not name its CIDRs. */
function restoredState(cidrs: readonly Cidr[], loaded: DurableRead<AllocationRecord>, nowMs: number): AllocatorState {
  const empty = emptyAllocator(cidrs);
  if (loaded.kind === 'absent') return empty;
  if (loaded.kind === 'corrupt') return { ...empty, coldUntilMs: nowMs + QUARANTINE_MS };
  const { allocations, released, cursors, historyLost, cidrs: earlier } = loaded.value;
  const before: AllocatorState = {
    ...empty,
    cidrs: earlier,
    allocations: new Map([...allocations].map(([ip, owner]) => [ip, { owner, allocatedAtMs: -Infinity }])),
    released: released.map((ip) => ({ ip, cidr: cidrOf(earlier, ip), releasedAtMs: nowMs })),
    cursors,
    coldUntilMs: historyLost ? nowMs + QUARANTINE_MS : -Infinity,
  };
  return useCidrs(before, cidrs, nowMs);
}
