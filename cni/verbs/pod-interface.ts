/**
 * The pod's end of a host interface, found by what cannot be changed from inside the pod: the two ends of a veth pair name
 * each other by index. Its name, MAC and addresses may have been changed, and the namespace's path may lead elsewhere by now.
 */
import { messageOf } from '../../common/errors.js';
import { GATEWAY_MAC, MESH_MAC, parseMacAddress } from '../../common/address/mac-address.js';
import type { MacAddress } from '../../common/address/mac-address.js';
import type { EndpointRecord } from '../attachment.js';
import type { CniDeps, HostInterface, PodInterface } from '../deps.js';

/** Null when `netns` does not lead to the pod, or cannot be entered: that says nothing about whether the pod lives. */
export async function findPodInterface(
  deps: CniDeps,
  netns: string,
  { name: hostInterface, index, peer }: HostInterface,
): Promise<PodInterface | null> {
  try {
    const found = await deps.network.interfacesIn(netns);
    return found?.find((one) => one.index === peer?.index && one.peerIndex === index) ?? null;
  } catch (thrown) {
    deps.log.warn({ hostInterface, netns, reason: messageOf(thrown) }, 'namespace of a pod could not be entered');
    return null;
  }
}

/**
 * Takes over the MAC that the pod's interface has, which a chained plugin or a person may have changed. Resolves to the
 * record in force. A MAC of the gateway, the next hop or another pod is refused: the pod stays cut off with it.
 */
export async function learnMac(deps: CniDeps, record: EndpointRecord, pod: PodInterface): Promise<EndpointRecord> {
  const mac = parseMacAddress(pod.mac);
  if (mac === record.mac) return record;
  const { hostInterface } = record;
  if (!isFree(deps, mac, hostInterface)) {
    deps.log.warn({ hostInterface, mac }, 'a pod has the MAC of another station; its frames are dropped');
    return record;
  }
  const changed = { ...record, mac };
  await deps.endpoints.put(changed);
  deps.log.info({ hostInterface, mac, before: record.mac }, 'MAC of a pod changed');
  return changed;
}

function isFree({ endpoints }: CniDeps, mac: MacAddress, hostInterface: string): boolean {
  if (mac === GATEWAY_MAC || mac === MESH_MAC) return false;
  return !endpoints.list().some((other) => other.mac === mac && other.hostInterface !== hostInterface);
}
