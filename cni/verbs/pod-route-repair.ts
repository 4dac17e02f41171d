/**
 * Repair of routes that are missing inside an attached pod. A destination that the pod reaches by another interface is left
 * alone: a tunnel in the pod may have taken over its default route.
 */
import type { EndpointRecord } from '../attachment.js';
import type { CniDeps, PodInterface } from '../deps.js';
import { podRoutes } from '../pod-network/pod-routes.js';
import { podAddressesOf } from './record-side.js';

export async function repairPodRoutes(
  deps: CniDeps,
  { containerId, ifname, netns, ips }: EndpointRecord,
  pod: PodInterface,
): Promise<void> {
  if (!pod.up) return; // the kernel refuses routes by it
  const present = ips.filter((ip) => pod.ips.includes(ip));
  const wanted = podRoutes(podAddressesOf(present, deps.settings()));
  if (wanted.length === 0) return;
  const found = new Set((await deps.network.routes(netns, null)).map(({ dst }) => dst));
  const missing = wanted.filter(({ dst }) => !found.has(dst));
  if (missing.length === 0) return;
  await deps.network.addRoutes(netns, pod.name, missing);
  const routes = missing.map(({ dst }) => dst);
  deps.log.warn({ containerId, ifname, routes }, 'routes inside a pod were missing; added');
}
