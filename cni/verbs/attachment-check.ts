/** Comparison of an attachment with the kernel, for CHECK and for an ADD that is repeated. */
import type { Cidr } from '../../common/address/cidr.js';
import type { EndpointRecord } from '../attachment.js';
import type { HostInterface, PodInterface, PodNetwork, PodRouteFound } from '../deps.js';

export interface ExpectedAttachment {
  readonly record: EndpointRecord;
  readonly bridge: string;
  /** Destinations that must have a route in the pod. */
  readonly destinations: readonly Cidr[];
}

/** One sentence per difference from what is expected. */
export async function attachmentDifferences(
  network: PodNetwork,
  expected: ExpectedAttachment,
): Promise<readonly string[]> {
  const { netns, ifname, hostInterface } = expected.record;
  const pod = await network.inspect(netns, ifname);
  const found = (await network.hostInterfaces()).get(hostInterface);
  const routes = pod === null ? [] : await network.routes(netns, ifname);
  return [
    ...podDifferences(pod, expected),
    ...hostDifferences(found, expected),
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

function hostDifferences(found: HostInterface | undefined, { record, bridge }: ExpectedAttachment): string[] {
  if (found === undefined) return [`host interface ${record.hostInterface} is missing`];
  const differences: string[] = [];
  if (found.bridge !== bridge) {
    differences.push(`host interface ${record.hostInterface} is on ${found.bridge ?? 'no bridge'}, expected ${bridge}`);
  }
  if (!found.up) differences.push(`host interface ${record.hostInterface} is down`);
  return differences;
}

function routeDifferences(
  routes: readonly PodRouteFound[],
  pod: PodInterface | null,
  { record, destinations }: ExpectedAttachment,
): string[] {
  if (pod === null) return [];
  const found = new Set(routes.map((route) => route.dst));
  return destinations.filter((dst) => !found.has(dst)).map((dst) => `route to ${dst} is missing on ${record.ifname}`);
}
