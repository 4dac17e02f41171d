/**
 * Recovery of the record of a host interface that has none: left by a crash during ADD, or by the loss of the endpoint list.
 * The owner is in the alias; addresses and MAC are read inside the pod, or from the host's routes and neighbours when its
 * namespace cannot be entered. An interface is deleted only when its ADD was not finished.
 */
import { cidrContains } from '../../common/address/cidr.js';
import { messageOf } from '../../common/errors.js';
import { parseIpAddress } from '../../common/address/ip-address.js';
import type { IpAddress } from '../../common/address/ip-address.js';
import { parseMacAddress } from '../../common/address/mac-address.js';
import { SOLE_ROUTING } from '../attachment.js';
import type { EndpointRecord, PodRouting } from '../attachment.js';
import type { CniDeps, HostSideFound } from '../deps.js';
import { parseInterfaceAlias } from '../pod-network/interface-alias.js';
import { routingFound } from '../pod-network/pod-routes.js';
import { findPodInterface } from './pod-interface.js';

/** What the kernel says of the pod; null when it says nothing. */
interface Station {
  readonly mac: string;
  readonly ips: readonly IpAddress[];
  readonly routing: PodRouting;
}

export async function recordOrDelete(deps: CniDeps, found: HostSideFound): Promise<void> {
  const { name: hostInterface } = found.interface;
  if (deps.endpoints.get(hostInterface) !== null) return;
  try {
    deps.log.warn({ hostInterface }, `host interface of a pod without a record: ${await recover(deps, found)}`);
  } catch (thrown) {
    deps.log.warn(
      { hostInterface, reason: messageOf(thrown) },
      'host interface of a pod without a record could not be reconciled; retried at the next run',
    );
  }
}

/** The outcome, in words. */
async function recover(deps: CniDeps, found: HostSideFound): Promise<string> {
  const { name: hostInterface, alias: text } = found.interface;
  const alias = parseInterfaceAlias(text);
  const station = alias === null ? onHost(found) : ((await inPod(deps, alias.netns, found)) ?? onHost(found));
  if (station === null && alias !== null) return 'kept, since its pod may live; DEL removes it';
  if (station === null || station.ips.length === 0) {
    await deps.network.detach(hostInterface);
    return 'deleted, its ADD was not finished';
  }
  if (alias === null) return 'kept, since its pod lives, but whose it is does not fit its alias; DEL removes it';
  const record: EndpointRecord = {
    ...alias.owner,
    network: alias.network,
    netns: alias.netns,
    hostInterface,
    mac: parseMacAddress(station.mac),
    ips: station.ips,
    routing: station.routing,
    podNamespace: null,
    podName: null,
    since: deps.wallTime().toISOString(),
  };
  await deps.endpoints.put(record);
  return 'recorded again';
}

async function inPod(deps: CniDeps, netns: string, { interface: found }: HostSideFound): Promise<Station | null> {
  const pod = await findPodInterface(deps, netns, found);
  if (pod === null) return null;
  const { clusterCidrs } = deps.settings();
  const ips = pod.ips.filter((ip) => clusterCidrs.length === 0 || clusterCidrs.some((cidr) => cidrContains(cidr, ip)));
  const routing = routingFound(pod.name, await deps.network.routes(netns), clusterCidrs);
  return { mac: pod.mac, ips, routing };
}

function onHost({ neighbours, routes }: HostSideFound): Station | null {
  const known = neighbours.filter(({ address }) => routes.some(({ destination }) => destination === address));
  const mac = known[0]?.mac;
  return mac === undefined
    ? null
    : { mac, ips: known.map(({ address }) => parseIpAddress(address)), routing: SOLE_ROUTING };
}
