/** Compares an attachment with the kernel: what CHECK reports, and what a repeated ADD asks before it answers as before. */
import type { Cidr } from '../../common/address/cidr.js';
import type { EndpointRecord } from '../attachment.js';
import type { HostPort, PodInterface, PodRouteFound } from '../deps.js';
import type { PodNetwork } from '../deps.js';

export interface ExpectedAttachment {
  readonly record: EndpointRecord;
  readonly bridge: string;
  /** Destinations that must have a route in the pod. */
  readonly destinations: readonly Cidr[];
}

/** Sentences about everything that is not as it should be; none when all is well. */
export async function attachmentDifferences(
  network: PodNetwork,
  expected: ExpectedAttachment,
): Promise<readonly string[]> {
  const { netns, ifname, hostInterface } = expected.record;
  const pod = await network.inspect(netns, ifname);
  const port = (await network.hostPorts()).get(hostInterface);
  const routes = pod === null ? [] : await network.routes(netns, ifname);
  return [
    ...podDifferences(pod, expected),
    ...portDifferences(port, expected),
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

function portDifferences(port: HostPort | undefined, { record, bridge }: ExpectedAttachment): string[] {
  if (port === undefined) return [`host interface ${record.hostInterface} is missing`];
  const differences: string[] = [];
  if (port.bridge !== bridge) {
    differences.push(`host interface ${record.hostInterface} is on ${port.bridge ?? 'no bridge'}, expected ${bridge}`);
  }
  if (!port.up) differences.push(`host interface ${record.hostInterface} is down`);
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
