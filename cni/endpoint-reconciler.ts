/**
 * Compares the endpoint book with the kernel, and repairs: pods that are gone are removed, ports that lost their bridge
 * are put back, attachments that the book does not know are taken up or removed, and the router is told the outcome.
 * Safe beside running calls: every attachment is looked at under its lock.
 */
import { cidrContains } from '../common/cidr.js';
import { messageOf } from '../common/errors.js';
import type { IpAddress } from '../common/ip-address.js';
import { parseMacAddress } from '../common/mac-address.js';
import { hostInterfaceOf } from './attachment.js';
import type { AttachmentOwner, EndpointRecord } from './attachment.js';
import type { AttachmentLocks } from './attachment-locks.js';
import type { CniPorts } from './ports.js';
import { removeAttachment } from './detach.js';
import { parseLinkAlias } from './link-alias.js';
import type { HostPort, PodInterface } from './pod-inspection.js';

/** A pod that exists, with its addresses: what the address pool is reconciled with. */
export interface LiveAttachment {
  readonly owner: AttachmentOwner;
  readonly ips: readonly IpAddress[];
}

/** Resolves to every attachment that exists afterwards. Rejects when the host's links cannot be listed. */
export async function reconcileEndpoints(ports: CniPorts, locks: AttachmentLocks): Promise<readonly LiveAttachment[]> {
  for (const { hostInterface } of ports.endpoints.list()) {
    await locks.run(hostInterface, () => confirm(ports, hostInterface));
  }
  for (const { name } of (await ports.network.hostPorts()).values()) {
    if (ports.endpoints.get(name) === null && !locks.isHeld(name))
      await locks.run(name, () => settleStray(ports, name));
  }
  const live = ports.endpoints.list();
  await announceAll(ports, live);
  return live.map(({ containerId, ifname, ips }) => ({ owner: { containerId, ifname }, ips }));
}

async function announceAll(ports: CniPorts, live: readonly EndpointRecord[]): Promise<void> {
  try {
    await ports.announce(live);
  } catch (thrown) {
    ports.log.warn({ reason: messageOf(thrown) }, 'the router could not be told of the endpoints yet');
  }
}

async function confirm(ports: CniPorts, hostInterface: string): Promise<void> {
  const record = ports.endpoints.get(hostInterface);
  if (record === null) return;
  try {
    const pod = await ports.network.inspect(record.netns, record.ifname);
    const port = (await ports.network.hostPorts()).get(hostInterface);
    if (pod === null || port === undefined) await forget(ports, record);
    else if (port.bridge !== ports.settings().bridge || !port.up) await repair(ports, record);
  } catch (thrown) {
    ports.log.warn(
      { ...owner(record), reason: messageOf(thrown) },
      'a pod interface could not be looked at; it is kept',
    );
  }
}

async function forget(ports: CniPorts, record: EndpointRecord): Promise<void> {
  ports.log.info({ ...owner(record), netns: record.netns }, 'a pod is gone without DEL; its address is freed');
  await removeAttachment(ports, record);
}

async function repair(ports: CniPorts, record: EndpointRecord): Promise<void> {
  const { bridge } = ports.settings();
  await ports.network.repairHostPort(record.hostInterface, bridge, record.mac);
  ports.log.warn({ ...owner(record), bridge }, 'a pod was off the bridge and is back on it');
}

/** A port without a record: the rest of a crashed ADD, or of a book that was lost. */
async function settleStray(ports: CniPorts, hostInterface: string): Promise<void> {
  const port = (await ports.network.hostPorts()).get(hostInterface);
  if (port === undefined || ports.endpoints.get(hostInterface) !== null) return;
  try {
    const found = await recordFromPort(ports, port);
    if (found === null) await ports.network.detach(hostInterface);
    else await ports.endpoints.put(found);
    ports.log.warn({ hostInterface, kept: found !== null }, 'a pod interface without a record was found');
  } catch (thrown) {
    ports.log.warn({ hostInterface, reason: messageOf(thrown) }, 'a pod interface without a record is left alone');
  }
}

async function recordFromPort(ports: CniPorts, port: HostPort): Promise<EndpointRecord | null> {
  const alias = parseLinkAlias(port.alias);
  if (alias === null || hostInterfaceOf(alias.owner) !== port.name) return null;
  const pod = await ports.network.inspect(alias.netns, alias.owner.ifname);
  const ips = pod === null ? [] : clusterAddresses(ports, pod);
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
    since: ports.wallTime().toISOString(),
  };
}

function clusterAddresses(ports: CniPorts, pod: PodInterface): readonly IpAddress[] {
  const { clusterCidrs } = ports.settings();
  return pod.ips.filter((ip) => clusterCidrs.length === 0 || clusterCidrs.some((cidr) => cidrContains(cidr, ip)));
}

function owner({ containerId, ifname }: EndpointRecord): AttachmentOwner {
  return { containerId, ifname };
}
