/**
 * ADD. When a step fails, all steps are undone. What a crash leaves is found again by its computed name.
 *
 * ```
 *  allocate (durable) -> admit -> pair, addresses, routes -> record (durable) -> announce -> result
 * ```
 */
import { messageOf } from '../../common/errors.js';
import { computedMac } from '../../common/address/mac-address.js';
import { hostInterfaceOf } from '../attachment.js';
import type { AttachmentOwner, AttachmentPlan, EndpointRecord, PodAddress, PodRouting } from '../attachment.js';
import { attachmentDifferences } from './attachment-check.js';
import { CniError, CNI_CODES } from '../cni-error.js';
import type { CniDeps, PodRouteFound } from '../deps.js';
import { forgetConnections, removeAttachment } from './detach.js';
import { podRoutes, routingBeside } from '../pod-network/pod-routes.js';
import type { AttachCall } from '../call/request.js';

/** Attaches the pod, or returns the plan of an attachment that is already as it should be. Undoes everything on failure. */
export async function attachPod(deps: CniDeps, call: AttachCall): Promise<AttachmentPlan> {
  const unready = deps.readiness('ADD');
  if (unready !== null) throw new CniError(CNI_CODES.tryAgainLater, 'try again later', unready.message);
  const owner = { containerId: call.containerId, ifname: call.ifname };
  const known = deps.endpoints.get(hostInterfaceOf(owner));
  const [addresses, present] = await allocateAndLook(deps, call);
  if (known !== null) {
    const former = planAttachment(deps, call, addresses, known.routing);
    if (await isAttached(deps, known, former)) return former;
  }
  const plan = planAttachment(deps, call, addresses, newRouting(deps, call, present));
  const record = recordOf(deps, call, plan);
  let endAdmission = (): void => undefined;
  try {
    if (known !== null) await deps.network.detach(plan.hostInterface);
    endAdmission = await deps.admit(record);
    await Promise.all([
      deps.network.attach(plan),
      forgetConnections(
        deps,
        plan.addresses.map(({ ip }) => ip),
      ),
    ]);
    await deps.endpoints.put(record);
    await deps.announce(deps.endpoints.list());
  } catch (thrown) {
    endAdmission();
    await undo(deps, owner, record);
    throw thrown;
  }
  endAdmission();
  return plan;
}

function newRouting({ endpoints }: CniDeps, call: AttachCall, present: readonly PodRouteFound[]): PodRouting {
  const { containerId, ifname, config } = call;
  const siblings = endpoints.list().filter((one) => one.containerId === containerId && one.ifname !== ifname);
  const routings = siblings.map(({ routing }) => routing);
  return routingBeside(config, ifname, present, routings);
}

/** At the same time: both wait, for the disk and for a program. Resolves to the addresses and the routes of the pod before. */
async function allocateAndLook(
  deps: CniDeps,
  call: AttachCall,
): Promise<[readonly PodAddress[], readonly PodRouteFound[]]> {
  const owner = { containerId: call.containerId, ifname: call.ifname };
  const pod = call.podName === null ? {} : { pod: `${call.podNamespace ?? ''}/${call.podName}` };
  const [allocated, looked] = await Promise.allSettled([
    deps.addresses.allocate({ ...owner, ...pod }, call.requestedIps),
    deps.network.routes(call.netns),
  ]);
  if (allocated.status === 'rejected') throw allocated.reason;
  if (looked.status === 'fulfilled') return [allocated.value, looked.value];
  if (deps.endpoints.get(hostInterfaceOf(owner)) === null) await undo(deps, owner);
  throw looked.reason;
}

function planAttachment(
  deps: CniDeps,
  call: AttachCall,
  addresses: readonly PodAddress[],
  routing: PodRouting,
): AttachmentPlan {
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
    routes: podRoutes(owner, addresses, routing, settings.clusterCidrs),
    routing,
  };
}

async function isAttached(deps: CniDeps, known: EndpointRecord, plan: AttachmentPlan): Promise<boolean> {
  const ips = plan.addresses.map((address) => address.ip);
  if (known.netns !== plan.netns || known.mac !== plan.mac || known.ips.join() !== ips.join()) return false;
  const differences = await attachmentDifferences(deps, { record: known, routes: plan.routes });
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
    routing: plan.routing,
    podNamespace: call.podNamespace,
    podName: call.podName,
    ...(call.podUid === null ? {} : { podUid: call.podUid }),
    since: deps.wallTime().toISOString(),
  };
}

/** A failure here is left to the reconciler. */
async function undo(deps: CniDeps, owner: AttachmentOwner, begun: EndpointRecord | null = null): Promise<void> {
  try {
    await removeAttachment(deps, owner, begun);
  } catch (thrown) {
    deps.log.warn(
      { ...owner, reason: messageOf(thrown) },
      'failed ADD could not be undone; the reconciler removes the rest within a minute',
    );
  }
}
