/**
 * Repair of what an attached pod has lost inside: addresses, the gateway as a permanent neighbour, routes, and the rules that
 * lead to its tables. An address that another interface of the pod has taken over (the bridge of a virtual machine) is no loss,
 * and nothing that depends on it is wanted.
 */
import type { IpAddress } from '../../common/address/ip-address.js';
import type { EndpointRecord } from '../attachment.js';
import type { CniDeps, PodInterface, PodParts } from '../deps.js';
import { missingRoutes } from '../pod-network/pod-routes.js';
import { sourceRulesOf } from '../pod-network/attachment-requests.js';
import { podAddressesOf, podRoutesOf } from './record-side.js';

const NOTHING: PodParts = { ips: [], gateways: [], routes: [], rules: [] };

export async function repairPodInside(deps: CniDeps, record: EndpointRecord, pod: PodInterface): Promise<void> {
  if (!pod.up) return; // the kernel refuses routes by it
  const { containerId, ifname, netns } = record;
  const before = record.ips.filter((ip) => pod.ips.includes(ip));
  const present = before.length === record.ips.length ? before : await repairAddresses(deps, record, pod);
  const missing = await missingParts(deps, record, pod.name, present);
  await deps.network.addInside(netns, pod.name, missing);
  const added = {
    addresses: present.filter((ip) => !before.includes(ip)),
    gateways: missing.gateways,
    routes: missing.routes.map(({ dst }) => dst),
    rules: missing.rules.map(({ source }) => `from ${source}`),
  };
  const found = Object.entries(added).filter(([, parts]) => parts.length > 0);
  if (found.length === 0) return;
  deps.log.warn(
    { containerId, ifname, ...Object.fromEntries(found) },
    'parts of the network inside a pod were missing; added',
  );
}

/** Resolves to the addresses that the interface has afterwards: a pod that switched IPv6 off takes none of it. */
async function repairAddresses(
  deps: CniDeps,
  { netns, ips }: EndpointRecord,
  { name, index }: PodInterface,
): Promise<readonly IpAddress[]> {
  const { network } = deps;
  const taken = ((await network.interfacesIn(netns)) ?? []).flatMap((one) => one.ips);
  const lost = podAddressesOf(ips, deps.settings()).flatMap(({ ip }) => (taken.includes(ip) ? [] : [ip]));
  if (lost.length > 0) await network.addInside(netns, name, { ...NOTHING, ips: lost });
  const after = (await network.interfacesIn(netns))?.find((one) => one.index === index)?.ips ?? [];
  return ips.filter((ip) => after.includes(ip));
}

/** @param present addresses that the interface has */
async function missingParts(
  deps: CniDeps,
  record: EndpointRecord,
  name: string,
  present: readonly IpAddress[],
): Promise<PodParts> {
  const { network } = deps;
  const { netns, routing } = record;
  const settings = deps.settings();
  const wanted = podRoutesOf(record, present, settings);
  const wantedRules = sourceRulesOf(wanted);
  const [routes, neighbours, rules] = await Promise.all([
    network.routes(netns),
    network.gateways(netns, name),
    wantedRules.length === 0 ? [] : network.sourceRules(netns),
  ]);
  const gateways = podAddressesOf(present, settings).map(({ gateway }) => gateway);
  return {
    ips: [],
    gateways: gateways.filter((gateway) => !neighbours.includes(gateway)),
    routes: missingRoutes(wanted, routes, name, routing),
    rules: wantedRules.filter(
      ({ source, table }) => !rules.some((rule) => rule.source === source && rule.table === String(table)),
    ),
  };
}
