/**
 * CHECK: comparison of an attachment's record with `prevResult`, with its allocation and with the kernel. Additions by other
 * plugins are allowed.
 */
import { parseCidr } from '../../common/address/cidr.js';
import type { Cidr } from '../../common/address/cidr.js';
import { messageOf } from '../../common/errors.js';
import { describeAttachment, hostInterfaceOf } from '../attachment.js';
import type { EndpointRecord, PodRoute } from '../attachment.js';
import { attachmentDifferences } from './attachment-check.js';
import { CniError, CNI_CODES } from '../cni-error.js';
import type { CniDeps } from '../deps.js';
import { repairHostSide } from './host-side-repair.js';
import { findPodInterface, learnMac } from './pod-interface.js';
import { podRoutesOf } from './record-side.js';
import type { PrevResult } from '../call/network-config.js';
import type { AttachCall } from '../call/request.js';

/** Throws {@link CniError} 3 for an unknown container, 7 without prevResult, 103 with every difference in its details. */
export async function checkPod(deps: CniDeps, call: AttachCall): Promise<void> {
  const previous = call.config.prevResult;
  if (previous === undefined) {
    throw new CniError(
      CNI_CODES.invalidConfig,
      'invalid network configuration',
      '"prevResult" is missing, CHECK needs it',
    );
  }
  const known = deps.endpoints.get(hostInterfaceOf(call));
  if (known === null) throw new CniError(CNI_CODES.unknownContainer, 'unknown container', describeAttachment(call));
  const record = await followMac(deps, known);
  const differences = [
    ...resultDifferences(record, call, previous),
    ...reservationDifferences(deps, record),
    ...(await attachmentDifferences(deps, { record, routes: ownRoutes(deps, record, previous) })),
  ];
  if (differences.length > 0)
    throw new CniError(CNI_CODES.checkFailed, 'CHECK found differences', differences.join('; '));
}

/** A plugin of the chain may have changed the MAC just before; the event about it may still be on its way. */
async function followMac(deps: CniDeps, record: EndpointRecord): Promise<EndpointRecord> {
  const { sides } = await deps.network.observe();
  const found = sides.get(record.hostInterface);
  const pod = found === undefined ? null : await findPodInterface(deps, record.netns, found.interface);
  if (found === undefined || pod === null || pod.mac === record.mac) return record;
  const current = await learnMac(deps, record, pod);
  await repairHostSide(deps, current, found, pod);
  return current;
}

function resultDifferences(record: EndpointRecord, call: AttachCall, previous: PrevResult): string[] {
  const addresses = (previous.ips ?? []).map((entry) => entry.address.split('/', 1)[0]);
  const differences = record.ips.filter((ip) => !addresses.includes(ip)).map((ip) => `prevResult lacks address ${ip}`);
  const inside = (previous.interfaces ?? []).find(
    (entry) => entry.name === record.ifname && (entry.sandbox ?? '') !== '',
  );
  if (inside === undefined) differences.push(`prevResult lacks interface ${record.ifname}`);
  else if (inside.mac !== undefined && inside.mac.toLowerCase() !== record.mac) {
    differences.push(`${record.ifname} has MAC ${record.mac}, prevResult names ${inside.mac}`);
  }
  if (record.netns !== call.netns)
    differences.push(`attached in namespace ${record.netns}, CNI_NETNS is ${call.netns}`);
  return differences;
}

function reservationDifferences(deps: CniDeps, record: EndpointRecord): string[] {
  const reserved = deps.addresses
    .list()
    .filter(({ owner }) => owner.containerId === record.containerId && owner.ifname === record.ifname)
    .map(({ ip }) => ip);
  return record.ips.filter((ip) => !reserved.includes(ip)).map((ip) => `address ${ip} is not reserved for this pod`);
}

/**
 * Routes of this interface that the result still names: those of other plugins are theirs to check, and a plugin after this one
 * may have taken some away.
 */
function ownRoutes(deps: CniDeps, record: EndpointRecord, previous: PrevResult): readonly PodRoute[] {
  const named = destinationsOf(previous);
  return podRoutesOf(record, record.ips, deps.settings()).filter(({ dst, table }) => table === null && named.has(dst));
}

function destinationsOf(previous: PrevResult): ReadonlySet<Cidr> {
  try {
    return new Set((previous.routes ?? []).map((route) => parseCidr(route.dst)));
  } catch (thrown) {
    throw new CniError(
      CNI_CODES.invalidConfig,
      'invalid network configuration',
      `prevResult.routes: ${messageOf(thrown)}`,
    );
  }
}
