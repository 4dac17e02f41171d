/**
 * ADD: an address, a veth pair, a record, the router told; then the answer. Each step is undone if a later one fails,
 * and what a crash leaves is found again by name.
 *
 * ```
 *  allocate (durable) -> pair, addresses, routes -> record (durable) -> announce -> result
 * ```
 */
import { messageOf } from '../../common/errors.js';
import { computedMac } from '../../common/address/mac-address.js';
import { hostInterfaceOf } from '../attachment.js';
import type { AttachmentPlan, EndpointRecord, PodAddress } from '../attachment.js';
import { attachmentDifferences } from './attachment-check.js';
import { CniError, CNI_CODES } from '../cni-error.js';
import type { CniPorts } from '../ports.js';
import { removeAttachment } from './detach.js';
import { podRoutes } from '../pod-network/pod-routes.js';
import type { AttachCall } from '../call/request.js';

/** Attaches the pod, or confirms that it is attached already. Nothing of the attempt is left when it rejects. */
export async function attachPod(ports: CniPorts, call: AttachCall): Promise<AttachmentPlan> {
  const unready = ports.readiness();
  if (unready !== null) throw new CniError(CNI_CODES.tryAgainLater, 'try again later', unready.message);
  const owner = { containerId: call.containerId, ifname: call.ifname };
  const plan = planAttachment(ports, call, await ports.addresses.allocate(owner, call.requestedIps));
  const known = ports.endpoints.get(plan.hostInterface);
  if (known !== null && (await isAttached(ports, known, plan))) return plan;
  try {
    if (known !== null) await ports.network.detach(plan.hostInterface);
    await ports.network.attach(plan);
    await ports.endpoints.put(recordOf(ports, call, plan));
    await ports.announce(ports.endpoints.list());
  } catch (thrown) {
    await undo(ports, plan);
    throw thrown;
  }
  return plan;
}

function planAttachment(ports: CniPorts, call: AttachCall, addresses: readonly PodAddress[]): AttachmentPlan {
  const settings = ports.settings();
  const owner = { containerId: call.containerId, ifname: call.ifname };
  const first = addresses[0];
  if (first === undefined)
    throw new CniError(CNI_CODES.tryAgainLater, 'try again later', 'this node has no pod CIDR yet');
  return {
    owner,
    network: call.config.name,
    netns: call.netns,
    hostInterface: hostInterfaceOf(owner),
    bridge: settings.bridge,
    mac: call.requestedMac ?? computedMac((addresses.find((address) => !address.ip.includes(':')) ?? first).ip),
    mtuBytes: settings.podMtuBytes,
    addresses,
    routes: podRoutes(addresses, settings.clusterCidrs),
  };
}

async function isAttached(ports: CniPorts, known: EndpointRecord, plan: AttachmentPlan): Promise<boolean> {
  const ips = plan.addresses.map((address) => address.ip);
  if (known.netns !== plan.netns || known.mac !== plan.mac || known.ips.join() !== ips.join()) return false;
  const destinations = plan.routes.map((route) => route.dst);
  const differences = await attachmentDifferences(ports.network, { record: known, bridge: plan.bridge, destinations });
  return differences.length === 0;
}

function recordOf(ports: CniPorts, call: AttachCall, plan: AttachmentPlan): EndpointRecord {
  return {
    ...plan.owner,
    network: plan.network,
    netns: plan.netns,
    hostInterface: plan.hostInterface,
    mac: plan.mac,
    ips: plan.addresses.map((address) => address.ip),
    podNamespace: call.podNamespace,
    podName: call.podName,
    since: ports.wallTime().toISOString(),
  };
}

/** What can't be undone now stays on record, for the reconciler. */
async function undo(ports: CniPorts, plan: AttachmentPlan): Promise<void> {
  try {
    await removeAttachment(ports, plan.owner);
  } catch (thrown) {
    ports.log.warn({ ...plan.owner, reason: messageOf(thrown) }, 'a failed attachment could not be removed yet');
  }
}
