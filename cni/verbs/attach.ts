/**
 * ADD. When a step fails, all steps are undone. What a crash leaves is found again by its computed name.
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
import type { CniDeps } from '../deps.js';
import { forgetConnections, removeAttachment } from './detach.js';
import { podRoutes } from '../pod-network/pod-routes.js';
import type { AttachCall } from '../call/request.js';

/** Attaches the pod, or returns the plan of an attachment that is already as it should be. Undoes everything on failure. */
export async function attachPod(deps: CniDeps, call: AttachCall): Promise<AttachmentPlan> {
  const unready = deps.readiness('ADD');
  if (unready !== null) throw new CniError(CNI_CODES.tryAgainLater, 'try again later', unready.message);
  const owner = { containerId: call.containerId, ifname: call.ifname };
  const pod = call.podName === null ? {} : { pod: `${call.podNamespace ?? ''}/${call.podName}` };
  const plan = planAttachment(deps, call, await deps.addresses.allocate({ ...owner, ...pod }, call.requestedIps));
  const known = deps.endpoints.get(plan.hostInterface);
  if (known !== null && (await isAttached(deps, known, plan))) return plan;
  try {
    if (known !== null) await deps.network.detach(plan.hostInterface);
    await Promise.all([
      deps.network.attach(plan),
      forgetConnections(
        deps,
        plan.addresses.map(({ ip }) => ip),
      ),
    ]);
    await deps.endpoints.put(recordOf(deps, call, plan));
    await deps.announce(deps.endpoints.list());
  } catch (thrown) {
    await undo(deps, plan);
    throw thrown;
  }
  return plan;
}

function planAttachment(deps: CniDeps, call: AttachCall, addresses: readonly PodAddress[]): AttachmentPlan {
  const settings = deps.settings();
  const owner = { containerId: call.containerId, ifname: call.ifname };
  const first = addresses[0];
  if (first === undefined)
    throw new CniError(CNI_CODES.tryAgainLater, 'try again later', 'this node has no pod CIDR: set podCidrs');
  return {
    owner,
    network: call.config.name,
    netns: call.netns,
    hostInterface: hostInterfaceOf(owner),
    bridge: settings.bridge,
    mac: call.requestedMac ?? computedMac((addresses.find((address) => !address.ip.includes(':')) ?? first).ip),
    mtuBytes: settings.podMtuBytes,
    addresses,
    routes: podRoutes(addresses),
  };
}

async function isAttached(deps: CniDeps, known: EndpointRecord, plan: AttachmentPlan): Promise<boolean> {
  const ips = plan.addresses.map((address) => address.ip);
  if (known.netns !== plan.netns || known.mac !== plan.mac || known.ips.join() !== ips.join()) return false;
  const destinations = plan.routes.map((route) => route.dst);
  const differences = await attachmentDifferences(deps, { record: known, destinations });
  return differences.length === 0;
}

function recordOf(deps: CniDeps, call: AttachCall, plan: AttachmentPlan): EndpointRecord {
  return {
    ...plan.owner,
    network: plan.network,
    netns: plan.netns,
    hostInterface: plan.hostInterface,
    mac: plan.mac,
    ips: plan.addresses.map((address) => address.ip),
    podNamespace: call.podNamespace,
    podName: call.podName,
    since: deps.wallTime().toISOString(),
  };
}

/** A failure here is left to the reconciler. */
async function undo(deps: CniDeps, plan: AttachmentPlan): Promise<void> {
  try {
    await removeAttachment(deps, plan.owner);
  } catch (thrown) {
    deps.log.warn(
      { ...plan.owner, reason: messageOf(thrown) },
      'failed ADD could not be undone; the reconciler removes the rest within a minute',
    );
  }
}
