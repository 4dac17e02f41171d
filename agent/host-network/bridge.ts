/**
 * The bridge that the node's pods and the TAP are ports of. Its MAC is given when it is made and never follows a port
 * (a bridge takes the lowest MAC of its ports otherwise, and the pods' neighbour entries go stale).
 */
import type { PrintedLink } from '../ip-output.js';
import type { HostNetworkSpec, HostPart, Repair } from './host-plan.js';

export const bridgePart: HostPart = {
  name: 'bridge',
  async plan(spec, view) {
    const found = await view.bridge(spec.bridgeName);
    return found === null ? createBridge(spec) : mendBridge(spec, found);
  },
};

/** No spanning tree, so a port forwards at once; no snooping, since the router must see every report. */
const BRIDGE_SETTINGS = ['stp_state', '0', 'mcast_snooping', '0'] as const;

function createBridge({ bridgeName, bridgeMac, podMtuBytes }: HostNetworkSpec): Repair[] {
  const link = ['name', bridgeName, 'address', bridgeMac, 'mtu', String(podMtuBytes)];
  const what = `bridge ${bridgeName} was missing`;
  return [
    { what, program: 'ip', args: ['link', 'add', ...link, 'type', 'bridge', ...BRIDGE_SETTINGS] },
    { what: `bridge ${bridgeName} was down`, program: 'ip', args: ['link', 'set', 'dev', bridgeName, 'up'] },
  ];
}

function mendBridge(spec: HostNetworkSpec, found: PrintedLink): Repair[] {
  const { bridgeName, bridgeMac, podMtuBytes } = spec;
  const repairs: Repair[] = [];
  const set = (what: string, ...args: string[]) =>
    repairs.push({
      what: `bridge ${bridgeName} ${what}`,
      program: 'ip',
      args: ['link', 'set', 'dev', bridgeName, ...args],
    });
  if (found.mac !== bridgeMac) set(`had MAC ${found.mac}`, 'address', bridgeMac);
  if (found.mtuBytes !== podMtuBytes) set(`had MTU ${found.mtuBytes}`, 'mtu', String(podMtuBytes));
  if (found.settings['stp_state'] !== 0 || found.settings['mcast_snooping'] !== 0) {
    set('had spanning tree or snooping on', 'type', 'bridge', ...BRIDGE_SETTINGS);
  }
  if (!found.up) set('was down', 'up');
  return repairs;
}
