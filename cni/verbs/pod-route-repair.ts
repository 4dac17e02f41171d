/** Repair of routes that are missing inside an attached pod (`pod-network/pod-routes.ts`). */
import type { EndpointRecord } from '../attachment.js';
import type { CniDeps, PodInterface } from '../deps.js';
import { missingRoutes } from '../pod-network/pod-routes.js';
import { podRoutesOf } from './record-side.js';

export async function repairPodRoutes(deps: CniDeps, record: EndpointRecord, pod: PodInterface): Promise<void> {
  if (!pod.up) return; // the kernel refuses routes by it
  const { containerId, ifname, netns, routing } = record;
  const present = record.ips.filter((ip) => pod.ips.includes(ip));
  const wanted = podRoutesOf(record, present, deps.settings());
  if (wanted.length === 0) return;
  const missing = missingRoutes(wanted, await deps.network.routes(netns), pod.name, routing);
  if (missing.length === 0) return;
  await deps.network.addRoutes(netns, pod.name, missing);
  const routes = missing.map(({ dst }) => dst);
  deps.log.warn({ containerId, ifname, routes }, 'routes inside a pod were missing; added');
}
