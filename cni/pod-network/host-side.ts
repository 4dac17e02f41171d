/** Comparison of the host's side of a pod, as wanted and as found: interface, neighbours, routes, guard elements. Pure. */
import { POD_INTERFACE_GROUP } from '../../common/host/kernel-marks.js';
import type { GuardElement, HostInterface, HostSide, HostSideFound } from '../deps.js';
import { guardElements } from './source-guard.js';

/** One sentence per difference. */
export function hostSideDifferences(wanted: HostSide, found: HostSideFound): readonly string[] {
  const { hostInterface: name } = wanted;
  return [
    ...portDifferences(wanted, found.interface).map((text) => `host interface ${name} ${text}`),
    ...wanted.addresses.flatMap(({ ip, gateway }) => [
      ...(found.routes.some(({ destination, source }) => destination === ip && source === gateway)
        ? []
        : [`the node has no route to ${ip} by ${name} with source ${gateway ?? 'none'}`]),
      ...(found.neighbours.some(({ address, mac }) => address === ip && mac === wanted.mac)
        ? []
        : [`${ip} is no permanent neighbour with MAC ${wanted.mac} on ${name}`]),
    ]),
    ...elementDifferences(wanted, found),
  ];
}

/** Elements of the guard that the interface should not have. */
export function strayElements(wanted: HostSide, found: readonly GuardElement[]): GuardElement[] {
  const right = new Set(elementsOf(wanted).map(keyOf));
  return found.filter((element) => !right.has(keyOf(element)));
}

export function elementsOf({ hostInterface, mac, addresses }: HostSide): GuardElement[] {
  return guardElements({ hostInterface, mac, ips: addresses.map(({ ip }) => ip) });
}

function portDifferences({ bridge }: HostSide, found: HostInterface): string[] {
  const isolated = found.portSettings['isolated'] === true && found.portSettings['learning'] === false;
  return [
    ...(found.bridge === bridge ? [] : [`is on ${found.bridge ?? 'no bridge'}, expected ${bridge}`]),
    ...(found.up ? [] : ['is down']),
    ...(found.group === POD_INTERFACE_GROUP ? [] : [`is in group ${found.group}, expected ${POD_INTERFACE_GROUP}`]),
    ...(found.bridge !== bridge || isolated ? [] : ['is not isolated, or learns']),
  ];
}

function elementDifferences(wanted: HostSide, { elements }: HostSideFound): string[] {
  const present = new Set(elements.map(keyOf));
  return [
    ...elementsOf(wanted)
      .filter((element) => !present.has(keyOf(element)))
      .map(({ ip }) => `the source guard does not let ${wanted.hostInterface} send from ${ip}`),
    ...strayElements(wanted, elements).map(
      ({ ip, mac }) => `the source guard lets ${wanted.hostInterface} send from ${ip} with MAC ${mac}`,
    ),
  ];
}

function keyOf({ hostInterface, mac, ip }: GuardElement): string {
  return [hostInterface, mac, ip].join(' ');
}
