/**
 * Reconciler of the endpoint list with the kernel. A record whose pod is gone is removed with its address; a host interface
 * off the bridge is made a port of it again; a pod's host interface without a record is recorded, or deleted when its pod
 * is gone. The router then gets the whole list. Calls may run meanwhile: each attachment is examined in turn with them.
 */
import { cidrContains } from '../../common/address/cidr.js';
import { messageOf } from '../../common/errors.js';
import type { IpAddress } from '../../common/address/ip-address.js';
import { parseMacAddress } from '../../common/address/mac-address.js';
import type { AttachmentOwner, EndpointRecord } from '../attachment.js';
import type { KeyedQueue } from '../../common/keyed-queue.js';
import type { CniDeps } from '../deps.js';
import { removeAttachment } from './detach.js';
import { parseInterfaceAlias } from '../pod-network/interface-alias.js';
import type { HostInterface, PodInterface } from '../deps.js';
import { hasHostInterfaceMark, isHostInterface } from '../pod-network/host-interface.js';

/** An attached pod that exists, with its addresses. The address pool is reconciled with the list of these. */
export interface LiveAttachment {
  readonly owner: AttachmentOwner;
  readonly ips: readonly IpAddress[];
}

/** One observation. The records are read first, so a record without a host interface has lost it or changed since. */
interface Observation {
  readonly records: readonly EndpointRecord[];
  readonly hostInterfaces: ReadonlyMap<string, HostInterface>;
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
    const observed: Observation = { records: endpoints.list(), hostInterfaces: await network.hostInterfaces() };
    for (const record of observed.records) {
      await this.queue.run(record.hostInterface, () => reconcileRecord(this.deps, record, observed));
    }
    await this.#reconcileUnrecorded(observed);
    const live = endpoints.list();
    await announceAll(this.deps, live);
    return live.map((record) => ({ owner: ownerOf(record), ips: record.ips }));
  }

  async #reconcileUnrecorded({ records, hostInterfaces }: Observation): Promise<void> {
    const recorded = new Set(records.map(({ hostInterface }) => hostInterface));
    const unrecorded = [...hostInterfaces.values()].filter(({ name }) => !recorded.has(name));
    const { bridge } = this.deps.settings();
    this.#reportForeign(unrecorded, bridge);
    for (const found of unrecorded.filter((candidate) => isHostInterface(candidate, bridge))) {
      if (this.queue.isBusy(found.name)) continue;
      await this.queue.run(found.name, () => recordOrDelete(this.deps, found));
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
async function reconcileRecord(deps: CniDeps, record: EndpointRecord, { hostInterfaces }: Observation): Promise<void> {
  if (deps.endpoints.get(record.hostInterface) !== record) return;
  try {
    const pod = await deps.network.inspect(record.netns, record.ifname);
    const found = hostInterfaces.get(record.hostInterface);
    if (pod === null || found === undefined) await remove(deps, record);
    else if (found.bridge !== deps.settings().bridge || !found.up) await repair(deps, record);
  } catch (thrown) {
    deps.log.warn(
      { ...ownerOf(record), reason: messageOf(thrown) },
      'pod interface could not be inspected; its record is kept',
    );
  }
}

async function remove(deps: CniDeps, record: EndpointRecord): Promise<void> {
  deps.log.info(
    { ...ownerOf(record), netns: record.netns },
    'pod removed: its network namespace or interface is gone and no DEL came; its address is freed',
  );
  await removeAttachment(deps, record);
}

async function repair(deps: CniDeps, record: EndpointRecord): Promise<void> {
  const { bridge } = deps.settings();
  await deps.network.repairHostInterface(record.hostInterface, bridge, record.mac);
  deps.log.warn({ ...ownerOf(record), bridge }, 'host interface of a pod was down or off the bridge; repaired');
}

/** For a host interface without a record, left by a crash during ADD or by the loss of the endpoint list. */
async function recordOrDelete(deps: CniDeps, found: HostInterface): Promise<void> {
  const { name: hostInterface } = found;
  if (deps.endpoints.get(hostInterface) !== null) return;
  try {
    const record = await recordFromKernel(deps, found);
    if (record === null) await deps.network.detach(hostInterface);
    else await deps.endpoints.put(record);
    const outcome = record === null ? 'deleted, its pod is gone' : 'recorded again';
    deps.log.warn({ hostInterface }, `host interface of a pod without a record: ${outcome}`);
  } catch (thrown) {
    deps.log.warn(
      { hostInterface, reason: messageOf(thrown) },
      'host interface of a pod without a record could not be reconciled; retried at the next run',
    );
  }
}

/** Null when the interface has no alias, or the pod has no interface with a cluster address. */
async function recordFromKernel(deps: CniDeps, { name, alias: text }: HostInterface): Promise<EndpointRecord | null> {
  const alias = parseInterfaceAlias(text);
  if (alias === null) return null;
  const pod = await deps.network.inspect(alias.netns, alias.owner.ifname);
  const ips = pod === null ? [] : clusterAddresses(deps, pod);
  if (pod === null || ips.length === 0) return null;
  return {
    ...alias.owner,
    network: alias.network,
    netns: alias.netns,
    hostInterface: name,
    mac: parseMacAddress(pod.mac),
    ips,
    podNamespace: null,
    podName: null,
    since: deps.wallTime().toISOString(),
  };
}

function clusterAddresses(deps: CniDeps, pod: PodInterface): readonly IpAddress[] {
  const { clusterCidrs } = deps.settings();
  return pod.ips.filter((ip) => clusterCidrs.length === 0 || clusterCidrs.some((cidr) => cidrContains(cidr, ip)));
}

function ownerOf({ containerId, ifname }: EndpointRecord): AttachmentOwner {
  return { containerId, ifname };
}
