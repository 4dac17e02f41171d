/**
 * Repair of a running pod's MTU, when the underlay's or the setting has changed. Both ends are made with the same MTU; a smaller
 * one inside the pod is a chained plugin's or a person's, and stays.
 */
import type { EndpointRecord } from '../attachment.js';
import type { CniDeps, HostInterface, PodInterface } from '../deps.js';

/** The pod's end first: a crash in between leaves the host's end to tell what both had. */
export async function repairPodMtu(
  deps: CniDeps,
  record: EndpointRecord,
  host: HostInterface,
  pod: PodInterface,
): Promise<void> {
  const wanted = deps.settings().podMtuBytes;
  const isOurs = pod.mtuBytes === host.mtuBytes || pod.mtuBytes > wanted;
  const changesPod = isOurs && pod.mtuBytes !== wanted;
  if (changesPod) await deps.network.setPodMtu(record.netns, pod.name, wanted);
  if (host.mtuBytes !== wanted) await deps.network.setHostMtu(host.name, wanted);
  if (!changesPod && host.mtuBytes === wanted) return;
  const { containerId, ifname } = record;
  deps.log.info(
    { containerId, ifname, mtuBytes: wanted, before: pod.mtuBytes },
    'MTU of a pod follows that of the node',
  );
}
