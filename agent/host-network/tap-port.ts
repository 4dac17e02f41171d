/**
 * The TAP as a port of the bridge. The supervisor makes it and holds its descriptors; here it is given its MTU and place.
 * Packets for the mesh are routed to it directly (`cluster-routes.ts`), so of the bridge it takes multicast only. Nothing is
 * learned on it: a MAC learned there could capture a local pod's.
 */
import { HeddleError } from '../../common/errors.js';
import type { InterfaceInfo } from '../../common/host/ip-output.js';
import { familiesOf } from './host-plan.js';
import type { HostNetworkSpec, HostPart, HostView, Repair } from './host-plan.js';
import { superFrameRepairs } from './super-frame-limit.js';

/**
 * Frames the kernel queues towards the router (`txqueuelen`); what comes while they wait is dropped. Longer takes bursts
 * without loss and adds latency under load: 128 super-frames of 60 KiB are 15 ms at 4 Gbit/s. A tuning constant.
 */
const TX_QUEUE_FRAMES = 128;

/** `ip -details -json` name, wanted value. */
const PORT_SETTINGS: Readonly<Record<string, boolean>> = {
  learning: false,
  flood: false,
  mcast_flood: true,
  bcast_flood: true,
  neigh_suppress: false,
};

export const tapPortPart: HostPart = {
  name: 'tap',
  async plan(spec, view) {
    const found = await view.tap(spec.tapName);
    if (found === null) {
      throw new HeddleError(
        'NOT_FOUND',
        `interface ${spec.tapName} is missing (expected the router's supervisor to make it)`,
      );
    }
    return [...mendTap(spec, found), ...(familiesOf(spec).includes(6) ? await ipv6Repairs(spec, view) : [])];
  },
};

function mendTap({ tapName, bridgeName, podMtuBytes }: HostNetworkSpec, found: InterfaceInfo): Repair[] {
  const repairs: Repair[] = [];
  const set = (what: string, ...args: string[]) =>
    repairs.push({ what: `${tapName} ${what}`, program: 'ip', args: ['link', 'set', 'dev', tapName, ...args] });
  if (found.mtuBytes !== podMtuBytes) set(`had MTU ${found.mtuBytes}`, 'mtu', String(podMtuBytes));
  if (found.txQueueLength !== TX_QUEUE_FRAMES) set('had another queue length', 'txqueuelen', String(TX_QUEUE_FRAMES));
  repairs.push(...superFrameRepairs(tapName, found));
  // A port needs no address of its own; a link-local one would send router solicitations into the mesh.
  if (found.addressGeneration !== null && found.addressGeneration !== 'none') {
    set('made IPv6 addresses', 'addrgenmode', 'none');
  }
  if (found.bridge !== bridgeName) set(`was no port of ${bridgeName}`, 'master', bridgeName);
  if (Object.entries(PORT_SETTINGS).some(([name, value]) => found.portSettings[name] !== value)) {
    repairs.push({ what: `${tapName} had other port flags`, program: 'bridge', args: portFlags(tapName) });
  }
  if (!found.up) set('was down', 'up');
  return repairs;
}

/** A host that switches IPv6 off for new interfaces would have no IPv6 route to the TAP. */
async function ipv6Repairs({ tapName }: HostNetworkSpec, view: HostView): Promise<Repair[]> {
  const path = `/proc/sys/net/ipv6/conf/${tapName}/disable_ipv6`;
  if ((await view.commands.run('cat', [path])).trim() === '0') return [];
  return [{ what: `${tapName} had IPv6 disabled`, program: 'tee', args: [path], input: '0\n' }];
}

function portFlags(tapName: string): string[] {
  const flags = Object.entries(PORT_SETTINGS).flatMap(([name, value]) => [name, value ? 'on' : 'off']);
  return ['link', 'set', 'dev', tapName, ...flags];
}
