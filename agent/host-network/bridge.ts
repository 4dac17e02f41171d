/**
 * The bridge that the node's pods and the TAP are ports of, and the pods' gateway. Its MAC is given when it is made and never
 * follows a port (a bridge takes the lowest MAC of its ports otherwise, and the pods' neighbour entries go stale).
 */
import { GATEWAY_MAC } from '../../common/address/mac-address.js';
import type { InterfaceInfo } from '../../common/host/ip-output.js';
import { bridgeMark } from './bridge-mark.js';
import type { HostNetworkSpec, HostPart, Repair } from './host-plan.js';
import { superFrameRepairs } from './super-frame-limit.js';

export const bridgePart: HostPart = {
  name: 'bridge',
  async plan(spec, view) {
    const found = await view.bridge(spec.bridgeName);
    return found === null ? createBridge(spec) : mendBridge(spec, found);
  },
};

/** No spanning tree, so a port forwards at once; no snooping, since the router must see every report. */
const BRIDGE_SETTINGS = ['stp_state', '0', 'mcast_snooping', '0'] as const;

function createBridge(spec: HostNetworkSpec): Repair[] {
  const { bridgeName, podMtuBytes } = spec;
  const link = ['name', bridgeName, 'address', GATEWAY_MAC, 'mtu', String(podMtuBytes)];
  const what = `bridge ${bridgeName} was missing`;
  return [
    { what, program: 'ip', args: ['link', 'add', ...link, 'type', 'bridge', ...BRIDGE_SETTINGS] },
    ...markRepairs(spec, ''),
    ...superFrameRepairs(bridgeName, null),
    linkRepair(`bridge ${bridgeName} was down`, bridgeName, 'up'),
  ];
}

function mendBridge(spec: HostNetworkSpec, found: InterfaceInfo): Repair[] {
  const { bridgeName, podMtuBytes } = spec;
  const repairs: Repair[] = [];
  const set = (what: string, ...args: string[]) =>
    repairs.push(linkRepair(`bridge ${bridgeName} ${what}`, bridgeName, ...args));
  if (found.mac !== GATEWAY_MAC) set(`had MAC ${found.mac}`, 'address', GATEWAY_MAC);
  if (found.mtuBytes !== podMtuBytes) set(`had MTU ${found.mtuBytes}`, 'mtu', String(podMtuBytes));
  if (found.settings['stp_state'] !== 0 || found.settings['mcast_snooping'] !== 0) {
    set('had spanning tree or snooping on', 'type', 'bridge', ...BRIDGE_SETTINGS);
  }
  repairs.push(...markRepairs(spec, found.alias));
  repairs.push(...superFrameRepairs(bridgeName, found));
  if (!found.up) set('was down', 'up');
  return repairs;
}

function markRepairs({ bridgeName, stateDir }: HostNetworkSpec, alias: string): Repair[] {
  const mark = bridgeMark(stateDir);
  return mark === null || mark === alias
    ? []
    : [linkRepair(`bridge ${bridgeName} had no mark`, bridgeName, 'alias', mark)];
}

function linkRepair(what: string, link: string, ...args: string[]): Repair {
  return { what, program: 'ip', args: ['link', 'set', 'dev', link, ...args] };
}
