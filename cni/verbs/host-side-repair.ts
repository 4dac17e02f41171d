/**
 * Repair of the host's side of an attached pod: bridge port, neighbours, routes and source guard. A pod that an earlier
 * version attached has its cluster CIDRs on-link; its own routes are changed first, since the host's side no longer serves
 * those. When its namespace cannot be entered, nothing is changed, and the log says so.
 */
import { POD_INTERFACE_GROUP } from '../../common/host/kernel-marks.js';
import type { EndpointRecord } from '../attachment.js';
import type { CniDeps, HostSideFound, PodInterface } from '../deps.js';
import { hostSideDifferences } from '../pod-network/host-side.js';
import { hostSideOf, podAddressesOf } from './record-side.js';

/** @param pod null when it is not known */
export async function repairHostSide(
  deps: CniDeps,
  record: EndpointRecord,
  found: HostSideFound,
  pod: PodInterface | null,
): Promise<void> {
  const wanted = hostSideOf(record, deps.settings());
  const differences = hostSideDifferences(wanted, found);
  if (differences.length === 0) return;
  const { containerId, ifname, netns } = record;
  if (found.interface.group !== POD_INTERFACE_GROUP && found.interface.bridge !== null) {
    if (pod === null) {
      const message = 'pod of an earlier version keeps its on-link routes and is cut off: its namespace was not found;';
      deps.log.error({ containerId, ifname, netns }, `${message} restart the pod`);
      return;
    }
    await routeByGateway(deps, record, pod);
  }
  await deps.network.repair(wanted, found);
  deps.log.warn({ containerId, ifname, differences }, "host's side of a pod differed; repaired");
}

async function routeByGateway(deps: CniDeps, record: EndpointRecord, pod: PodInterface): Promise<void> {
  const settings = deps.settings();
  const { netns, ips } = record;
  const onLink = [...settings.clusterCidrs, ...settings.podCidrs];
  await deps.network.routeByGateway(record, netns, pod.name, podAddressesOf(ips, settings), onLink);
}
