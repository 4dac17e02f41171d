/**
 * Keeps the host's side of the pod network as it should be: source guard, bridge, kernel settings, TAP, addresses, routes, NAT.
 * Level-triggered: every run looks at what is there and mends the difference, whoever made it; a run on a host that is in
 * order changes nothing. Used at start, on change, and periodically.
 */
import type { CommandRunner } from '../../common/host/command.js';
import { HeddleError, messageOf } from '../../common/errors.js';
import { bridgePart } from './bridge.js';
import { clusterRoutesPart } from './cluster-routes.js';
import { forwardAcceptPart } from './forward-accept.js';
import { forwardingPart } from './forwarding.js';
import { gatewayAddressesPart } from './gateway-addresses.js';
import { guardTablePart, listGuardDrops } from './guard-table.js';
import { HostView } from './host-plan.js';
import type { HostNetworkSpec, HostPart } from './host-plan.js';
import { nearlyFullTables } from './kernel-tables.js';
import { mendAll } from './mending.js';
import { natTablePart } from './nat-table.js';
import { nextHopPart } from './next-hop.js';
import { listPodDrops } from './pod-drops.js';
import { listReversePathDrops } from './reverse-path.js';
import { routerDescriptorsPart } from './router-descriptors.js';
import type { SettingsRecord } from './settings-record.js';
import { sysctlsPart } from './sysctls.js';
import { listTapDrops } from './tap-drops.js';
import { tapPortPart } from './tap-port.js';
import { listSocketDrops } from './udp-sockets.js';

/** In this order: each part may rely on those before it. */
const PARTS: readonly HostPart[] = [
  guardTablePart,
  bridgePart,
  sysctlsPart,
  forwardingPart,
  tapPortPart,
  routerDescriptorsPart,
  gatewayAddressesPart,
  nextHopPart,
  clusterRoutesPart,
  natTablePart,
  forwardAcceptPart,
];

export interface HostProblem {
  readonly part: string;
  readonly message: string;
}

export interface ReconcileOutcome {
  /** What was mended, in words; empty when all was in order. */
  readonly repairs: readonly string[];
  /** Parts that are not as they should be; the others are. */
  readonly problems: readonly HostProblem[];
  /** Sentences about tables of the kernel that are nearly full. */
  readonly fullTables: readonly string[];
  /** Frames and datagrams that the kernel dropped so far, by reason: source guard, full queues, reverse path filter. */
  readonly kernelDrops: Readonly<Record<string, number>>;
  /** Of {@link listPodDrops}. */
  readonly podDrops: ReadonlyMap<string, number>;
}

/** Mends what can be mended. A part that fails does not keep the others from being looked at. Never throws. */
export async function reconcileHostNetwork(
  commands: CommandRunner,
  spec: HostNetworkSpec,
  settings: SettingsRecord,
): Promise<ReconcileOutcome> {
  const repairs: string[] = [];
  const problems: HostProblem[] = [];
  let view = new HostView(commands, settings);
  for (const part of PARTS) {
    const before = repairs.length;
    try {
      await mendAll(commands, settings, await part.plan(spec, view), (what) => repairs.push(what));
    } catch (thrown) {
      problems.push({ part: part.name, message: messageOf(thrown) });
    }
    if (repairs.length > before) view = new HostView(commands, settings);
  }
  const kernelDrops = await orIfUnseen(listKernelDrops(commands, spec), {});
  const podDrops = await orIfUnseen(listPodDrops(commands), new Map<string, number>());
  return { repairs, problems, fullTables: await nearlyFullTables(commands), kernelDrops, podDrops };
}

async function listKernelDrops(
  commands: CommandRunner,
  { tapName, listenPort }: HostNetworkSpec,
): Promise<Readonly<Record<string, number>>> {
  const queues = { ...(await listTapDrops(commands, tapName)), ...(await listSocketDrops(commands, listenPort)) };
  return { ...(await listGuardDrops(commands)), ...queues, ...(await listReversePathDrops(commands)) };
}

/** Without nft or ip, which is the problem of the parts, `unseen`. */
async function orIfUnseen<T>(drops: Promise<T>, unseen: T): Promise<T> {
  try {
    return await drops;
  } catch (thrown) {
    if (thrown instanceof HeddleError) return unseen;
    throw thrown;
  }
}
