/**
 * Reconciler of the endpoint list with the kernel. A veth pair exists as long as both of its namespaces do, so a host
 * interface proves that its pod lives, and a record without one is removed with its address. What differs on the host's side
 * of a pod is repaired; a host interface without a record is recorded, or deleted when its ADD was not finished. The router
 * then gets the whole list. Calls may run meanwhile: each attachment is examined in turn with them.
 */
import { messageOf } from '../../common/errors.js';
import type { IpAddress } from '../../common/address/ip-address.js';
import type { AttachmentOwner, EndpointRecord } from '../attachment.js';
import type { KeyedQueue } from '../../common/keyed-queue.js';
import { removeAttachment } from './detach.js';
import type { CniDeps, HostInterface, HostObservation } from '../deps.js';
import { findPodInterface, learnMac } from './pod-interface.js';
import { hasHostInterfaceMark, isHostInterface } from '../pod-network/host-interface.js';
import { recordOrDelete } from './record-recovery.js';
import { repairHostSide } from './host-side-repair.js';
import { repairPodMtu } from './pod-mtu-repair.js';
import { repairPodInside } from './pod-inside-repair.js';

/** An attached pod that exists, with its addresses. The address pool is reconciled with the list of these. */
export interface LiveAttachment {
  readonly owner: AttachmentOwner;
  readonly ips: readonly IpAddress[];
}

/** One observation. The records are read first, so a record without a host interface has lost it or changed since. */
interface Observation extends HostObservation {
  readonly records: readonly EndpointRecord[];
}

/** An interface of another namespace, as an event names it. */
export interface Station {
  readonly netnsId: number;
  readonly index: number;
  readonly mac: string;
}

export class EndpointReconciler {
  /** Names of foreign interfaces already reported. Bounded by the interfaces of this host; replaced by every run. */
  #reported: ReadonlySet<string> = new Set<string>();

  constructor(
    readonly deps: CniDeps,
    readonly queue: KeyedQueue,
  ) {}

  /** Resolves to every attachment that exists afterwards. Rejects when the host's interfaces cannot be listed. */
  async reconcile(): Promise<readonly LiveAttachment[]> {
    const { endpoints, network } = this.deps;
    const observed: Observation = { records: endpoints.list(), ...(await network.observe()) };
    for (const record of observed.records) {
      await this.queue.run(record.hostInterface, () => reconcileRecord(this.deps, record, observed));
    }
    await this.#reconcileUnrecorded(observed);
    await removeStrayElements(this.deps, this.queue, observed);
    const live = endpoints.list();
    await announceAll(this.deps, live);
    return live.map((record) => ({ owner: ownerOf(record), ips: record.ips }));
  }

  /**
   * For an event about an interface of some namespace: when it is a recorded pod's and its MAC is new, the host's side follows.
   * Calls at work end before: each causes such events, and what it did is recorded then.
   */
  async stationChanged({ netnsId, index, mac }: Station): Promise<void> {
    const { endpoints, network } = this.deps;
    await this.queue.settled();
    if (endpoints.list().some((record) => record.mac === mac)) return;
    const isStation = ({ peer }: HostInterface) => peer?.netnsId === netnsId && peer.index === index;
    const station = (await network.hostInterfaces()).find(isStation);
    if (station !== undefined && endpoints.get(station.name) !== null) await this.compare(isStation);
  }

  /** Compares the recorded pods whose host interface is concerned by an event. */
  async compare(isConcerned: (hostInterface: HostInterface) => boolean): Promise<void> {
    const { endpoints, network } = this.deps;
    const { sides } = await network.observe();
    const concerned = [...sides.values()].filter((side) => isConcerned(side.interface));
    const records = concerned.flatMap((side) => endpoints.get(side.interface.name) ?? []);
    for (const record of records) {
      const observed = { records, sides, strayElements: [] };
      await this.queue.run(record.hostInterface, () => reconcileRecord(this.deps, record, observed));
    }
  }

  async #reconcileUnrecorded({ records, sides }: Observation): Promise<void> {
    const recorded = new Set(records.map(({ hostInterface }) => hostInterface));
    const unrecorded = [...sides.values()].filter(({ interface: { name } }) => !recorded.has(name));
    const { bridge } = this.deps.settings();
    this.#reportForeign(
      unrecorded.map((side) => side.interface),
      bridge,
    );
    for (const found of unrecorded.filter((candidate) => isHostInterface(candidate.interface, bridge))) {
      const { name } = found.interface;
      if (!this.queue.isBusy(name)) await this.queue.run(name, () => recordOrDelete(this.deps, found));
    }
  }

  /** Warns once per interface that is named like a pod's and is on our bridge, or is marked and on another bridge. */
  #reportForeign(unrecorded: readonly HostInterface[], bridge: string): void {
    const foreign = unrecorded
      .filter((one) => !isHostInterface(one, bridge) && (one.bridge === bridge || hasHostInterfaceMark(one)))
      .map(({ name }) => name);
    for (const hostInterface of foreign.filter((name) => !this.#reported.has(name))) {
      this.deps.log.warn(
        { hostInterface, bridge },
        "interface ignored: named like a pod's host interface, but without its alias or MAC, or on another bridge",
      );
    }
    this.#reported = new Set(foreign);
  }
}

/** Of interfaces that are gone: the next one of that name would otherwise start with them. */
async function removeStrayElements(deps: CniDeps, queue: KeyedQueue, { strayElements }: Observation): Promise<void> {
  const stray = strayElements.filter(({ hostInterface }) => !queue.isBusy(hostInterface));
  try {
    if (stray.length > 0) await deps.network.removeElements(stray);
  } catch (thrown) {
    deps.log.warn(
      { elements: stray.length, reason: messageOf(thrown) },
      'source guard: elements of interfaces that are gone could not be removed; retried at the next run',
    );
  }
}

async function announceAll(deps: CniDeps, live: readonly EndpointRecord[]): Promise<void> {
  try {
    await deps.announce(live);
  } catch (thrown) {
    deps.log.warn(
      { reason: messageOf(thrown) },
      'endpoint list could not be sent to the router; retried at the next run',
    );
  }
}

/** A record replaced since the observation belongs to a newer call and needs no repair. */
async function reconcileRecord(deps: CniDeps, record: EndpointRecord, { sides }: Observation): Promise<void> {
  if (deps.endpoints.get(record.hostInterface) !== record) return;
  try {
    const found = sides.get(record.hostInterface);
    if (found === undefined) return await remove(deps, record);
    const pod = await findPodInterface(deps, record.netns, found.interface);
    const current = pod === null ? record : await learnMac(deps, record, pod);
    await repairHostSide(deps, current, found, pod);
    if (pod === null) return;
    await repairPodMtu(deps, current, found.interface, pod);
    await repairPodInside(deps, current, pod);
  } catch (thrown) {
    deps.log.warn(
      { ...ownerOf(record), reason: messageOf(thrown) },
      'pod could not be compared with its record, which is kept; retried at the next run',
    );
  }
}

async function remove(deps: CniDeps, record: EndpointRecord): Promise<void> {
  deps.log.info(
    { ...ownerOf(record), netns: record.netns },
    'pod removed: its veth pair is gone, and no DEL came; its address is freed',
  );
  await removeAttachment(deps, record);
}

function ownerOf({ containerId, ifname }: EndpointRecord): AttachmentOwner {
  return { containerId, ifname };
}
