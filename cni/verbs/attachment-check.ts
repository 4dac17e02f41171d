/** Comparison of an attachment with the kernel, for CHECK and for an ADD that is repeated. */
import type { EndpointRecord, PodRoute } from '../attachment.js';
import type { CniDeps, HostSideFound, PodInterface, PodRouteFound } from '../deps.js';
import { hostSideDifferences } from '../pod-network/host-side.js';
import { missingRoutes } from '../pod-network/pod-routes.js';
import { hostSideOf } from './record-side.js';

export interface ExpectedAttachment {
  readonly record: EndpointRecord;
  /** Routes that the pod must have. */
  readonly routes: readonly PodRoute[];
}

/** One sentence per difference from what is expected. */
export async function attachmentDifferences(deps: CniDeps, expected: ExpectedAttachment): Promise<readonly string[]> {
  const { network } = deps;
  const { netns, ifname, hostInterface } = expected.record;
  const pod = (await network.interfacesIn(netns))?.find(({ name }) => name === ifname) ?? null;
  const found = (await network.observe()).sides.get(hostInterface);
  const routes = pod === null ? [] : await network.routes(netns);
  return [
    ...podDifferences(pod, expected),
    ...hostDifferences(deps, found, expected),
    ...routeDifferences(routes, pod, expected),
  ];
}

function podDifferences(pod: PodInterface | null, { record }: ExpectedAttachment): string[] {
  if (pod === null) return [`interface ${record.ifname} is missing in ${record.netns}`];
  const differences = record.ips
    .filter((ip) => !pod.ips.includes(ip))
    .map((ip) => `address ${ip} is missing on ${record.ifname}`);
  if (!pod.up) differences.push(`interface ${record.ifname} is down`);
  if (pod.mac !== record.mac) differences.push(`interface ${record.ifname} has MAC ${pod.mac}, expected ${record.mac}`);
  return differences;
}

function hostDifferences(
  deps: CniDeps,
  found: HostSideFound | undefined,
  { record }: ExpectedAttachment,
): readonly string[] {
  if (found === undefined) return [`host interface ${record.hostInterface} is missing`];
  return hostSideDifferences(hostSideOf(record, deps.settings()), found);
}

function routeDifferences(
  present: readonly PodRouteFound[],
  pod: PodInterface | null,
  { record, routes }: ExpectedAttachment,
): string[] {
  if (pod === null) return [];
  const missing = missingRoutes(routes, present, record.ifname, { ...record.routing, beside: true });
  return [...new Set(missing.map(({ dst }) => `route to ${dst} is missing on ${record.ifname}`))];
}
