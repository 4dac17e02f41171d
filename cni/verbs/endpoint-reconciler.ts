/**
 * Compares the endpoint book with the kernel, and repairs: pods that are gone are removed, ports that lost their bridge
 * are put back, attachments that the book does not know are taken up or removed, and the router is told the outcome.
 * Safe beside running calls: every attachment is looked at under its lock.
 */
import { cidrContains } from '../../common/address/cidr.js';
import { messageOf } from '../../common/errors.js';
import type { IpAddress } from '../../common/address/ip-address.js';
import { parseMacAddress } from '../../common/address/mac-address.js';
import type { AttachmentOwner, EndpointRecord } from '../attachment.js';
import type { AttachmentLocks } from './attachment-locks.js';
import type { CniDeps } from '../deps.js';
import { removeAttachment } from './detach.js';
import { parseLinkAlias } from '../pod-network/link-alias.js';
import type { HostPort, PodInterface } from '../deps.js';
import { hasPodPortMark, isPodPort } from '../pod-network/pod-port.js';

/** A pod that exists, with its addresses: what the address pool is reconciled with. */
export interface LiveAttachment {
  readonly owner: AttachmentOwner;
  readonly ips: readonly IpAddress[];
}

/** What one run looks at: the book before the ports, so that a record without a port has lost it or changed since. */
interface Look {
  readonly records: readonly EndpointRecord[];
  readonly hostPorts: ReadonlyMap<string, HostPort>;
}

export class EndpointReconciler {
  /** Ports that were reported as not ours. Bounded by the interfaces of this host: replaced by every run. */
  #reported: ReadonlySet<string> = new Set<string>();

  constructor(
    readonly deps: CniDeps,
    readonly locks: AttachmentLocks,
  ) {}

  /** Resolves to every attachment that exists afterwards. Rejects when the host's links cannot be listed. */
  async reconcile(): Promise<readonly LiveAttachment[]> {
    const { endpoints, network } = this.deps;
    const look: Look = { records: endpoints.list(), hostPorts: await network.hostPorts() };
    for (const record of look.records) {
      await this.locks.run(record.hostInterface, () => confirm(this.deps, record, look));
    }
    await this.#settleStrays(look);
    const live = endpoints.list();
    await announceAll(this.deps, live);
    return live.map((record) => ({ owner: ownerOf(record), ips: record.ips }));
  }

  async #settleStrays({ records, hostPorts }: Look): Promise<void> {
    const known = new Set(records.map(({ hostInterface }) => hostInterface));
    const strays = [...hostPorts.values()].filter(({ name }) => !known.has(name));
    const { bridge } = this.deps.settings();
    this.#reportStrangers(strays, bridge);
    for (const port of strays.filter((stray) => isPodPort(stray, bridge))) {
      if (this.locks.isHeld(port.name)) continue;
      await this.locks.run(port.name, () => settleStray(this.deps, port));
    }
  }

  /** Told once: whoever put an interface with such a name on our bridge shall know why it is no pod. */
  #reportStrangers(strays: readonly HostPort[], bridge: string): void {
    const strangers = strays
      .filter((port) => !isPodPort(port, bridge) && (port.bridge === bridge || hasPodPortMark(port)))
      .map(({ name }) => name);
    for (const hostInterface of strangers.filter((name) => !this.#reported.has(name))) {
      this.deps.log.warn(
        { hostInterface, bridge },
        'an interface is named like a pod port and is not ours; it is left alone',
      );
    }
    this.#reported = new Set(strangers);
  }
}

async function announceAll(deps: CniDeps, live: readonly EndpointRecord[]): Promise<void> {
  try {
    await deps.announce(live);
  } catch (thrown) {
    deps.log.warn({ reason: messageOf(thrown) }, 'the router could not be told of the endpoints yet');
  }
}

/** A record that was replaced since the look belongs to a call that has just seen to it. */
async function confirm(deps: CniDeps, record: EndpointRecord, { hostPorts }: Look): Promise<void> {
  if (deps.endpoints.get(record.hostInterface) !== record) return;
  try {
    const pod = await deps.network.inspect(record.netns, record.ifname);
    const port = hostPorts.get(record.hostInterface);
    if (pod === null || port === undefined) await forget(deps, record);
    else if (port.bridge !== deps.settings().bridge || !port.up) await repair(deps, record);
  } catch (thrown) {
    deps.log.warn(
      { ...ownerOf(record), reason: messageOf(thrown) },
      'a pod interface could not be looked at; it is kept',
    );
  }
}

async function forget(deps: CniDeps, record: EndpointRecord): Promise<void> {
  deps.log.info({ ...ownerOf(record), netns: record.netns }, 'a pod is gone without DEL; its address is freed');
  await removeAttachment(deps, record);
}

async function repair(deps: CniDeps, record: EndpointRecord): Promise<void> {
  const { bridge } = deps.settings();
  await deps.network.repairHostPort(record.hostInterface, bridge, record.mac);
  deps.log.warn({ ...ownerOf(record), bridge }, 'a pod was off the bridge and is back on it');
}

/** A port without a record: the rest of a crashed ADD, or of a book that was lost. */
async function settleStray(deps: CniDeps, port: HostPort): Promise<void> {
  const { name: hostInterface } = port;
  if (deps.endpoints.get(hostInterface) !== null) return;
  try {
    const found = await recordFromPort(deps, port);
    if (found === null) await deps.network.detach(hostInterface);
    else await deps.endpoints.put(found);
    deps.log.warn({ hostInterface, kept: found !== null }, 'a pod interface without a record was found');
  } catch (thrown) {
    deps.log.warn({ hostInterface, reason: messageOf(thrown) }, 'a pod interface without a record is left alone');
  }
}

async function recordFromPort(deps: CniDeps, port: HostPort): Promise<EndpointRecord | null> {
  const alias = parseLinkAlias(port.alias);
  if (alias === null) return null;
  const pod = await deps.network.inspect(alias.netns, alias.owner.ifname);
  const ips = pod === null ? [] : clusterAddresses(deps, pod);
  if (pod === null || ips.length === 0) return null;
  return {
    ...alias.owner,
    network: alias.network,
    netns: alias.netns,
    hostInterface: port.name,
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
