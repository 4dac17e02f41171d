/**
 * DEL and GC. Order of removal: veth pair; source guard, rules and connections; addresses and record; router. A pod that was never
 * attached, or whose namespace is gone, is no error. A failed write to disk is no error either: the reconciler frees what is
 * still recorded.
 */
import type { IpAddress } from '../../common/address/ip-address.js';
import { messageOf } from '../../common/errors.js';
import { describeAttachment, hostInterfaceOf, sourceTableOf } from '../attachment.js';
import type { AttachmentOwner, EndpointRecord } from '../attachment.js';
import type { KeyedQueue } from '../../common/keyed-queue.js';
import { CniError, CNI_CODES } from '../cni-error.js';
import type { CniDeps, GuardElement } from '../deps.js';
import { parseInterfaceAlias } from '../pod-network/interface-alias.js';
import { guardElements } from '../pod-network/source-guard.js';

/** What GC removes: the network's attachments other than the valid ones, unless they are younger than `asOfMs`. */
export interface Collection {
  readonly network: string;
  readonly validAttachments: readonly AttachmentOwner[];
  readonly asOfMs: number;
}

/**
 * Rejects only when the veth pair could not be removed; its addresses then stay allocated.
 * @param begun what an ADD that failed would have recorded
 */
export async function removeAttachment(
  deps: CniDeps,
  owner: AttachmentOwner,
  begun: EndpointRecord | null = null,
): Promise<void> {
  const hostInterface = hostInterfaceOf(owner);
  await deps.network.detach(hostInterface);
  const known = deps.endpoints.get(hostInterface) ?? begun;
  await Promise.all([
    orLater(deps, owner, 'removing it from the source guard', deps.network.removeElements(elementsOf(known))),
    known?.routing.beside === true && orLater(deps, owner, 'removing its rules', removeRules(deps, known)),
    forgetConnections(deps, addressesOf(deps, owner)),
  ]);
  await Promise.all([
    orLater(deps, owner, 'releasing its addresses', deps.addresses.release(owner)),
    orLater(deps, owner, 'removing its record', deps.endpoints.remove(hostInterface)),
  ]);
  if (known !== null) await orLater(deps, owner, 'telling the router', deps.announce(deps.endpoints.list()));
}

/**
 * Removes the connections of the addresses from connection tracking: a pod that gets one of them next would take part in
 * connections of the one before. A kernel without connection tracking refuses, and has none.
 */
export async function forgetConnections(deps: CniDeps, addresses: readonly IpAddress[]): Promise<void> {
  if (addresses.length === 0) return;
  try {
    await deps.network.forgetConnections(addresses);
  } catch (thrown) {
    deps.log.warn(
      { addresses, reason: messageOf(thrown) },
      'connections of freed addresses stay in connection tracking until they time out',
    );
  }
}

/** Whether the attachment was made after `asOfMs`, the time of a deferred DEL or GC, which then does not apply to it. */
export function isNewerThan(record: EndpointRecord | null, asOfMs: number): boolean {
  return record !== null && Date.parse(record.since) > asOfMs;
}

/** Removes the network's attachments that the runtime does not list. Continues after a failure; the error names all. */
export async function collectGarbage(
  deps: CniDeps,
  queue: KeyedQueue,
  { network, validAttachments, asOfMs }: Collection,
): Promise<readonly AttachmentOwner[]> {
  const valid = new Set(validAttachments.map(hostInterfaceOf));
  const removed: AttachmentOwner[] = [];
  const failures: string[] = [];
  for (const owner of await candidates(deps, network)) {
    const hostInterface = hostInterfaceOf(owner);
    if (valid.has(hostInterface) || queue.isBusy(hostInterface)) continue;
    if (isNewerThan(deps.endpoints.get(hostInterface), asOfMs)) continue;
    try {
      await queue.run(hostInterface, () => removeAttachment(deps, owner));
      removed.push(owner);
    } catch (thrown) {
      failures.push(`${describeAttachment(owner)}: ${messageOf(thrown)}`);
    }
  }
  if (failures.length > 0)
    throw new CniError(CNI_CODES.hostRefused, 'GC could not remove some attachments', failures.join('; '));
  return removed;
}

/** Owners of records, of addresses without a record, and of host interfaces without a record. */
async function candidates(deps: CniDeps, network: string): Promise<readonly AttachmentOwner[]> {
  const owners = new Map<string, AttachmentOwner>();
  for (const record of deps.endpoints.list()) {
    if (record.network === network) owners.set(record.hostInterface, record);
  }
  for (const { owner } of deps.addresses.list()) {
    const hostInterface = hostInterfaceOf(owner);
    if (deps.endpoints.get(hostInterface) === null) owners.set(hostInterface, owner);
  }
  for (const { name, alias: text } of await deps.network.hostInterfaces()) {
    const alias = parseInterfaceAlias(text);
    if (alias?.network === network && deps.endpoints.get(name) === null) owners.set(name, alias.owner);
  }
  return [...owners.values()].map(({ containerId, ifname }) => ({ containerId, ifname }));
}

/** The pod may live on with its other interfaces. One that is gone took its rules along. */
async function removeRules({ network }: CniDeps, record: EndpointRecord): Promise<void> {
  try {
    await network.removeRules(record.netns, sourceTableOf(record), record.ips);
  } catch (thrown) {
    if (!(thrown instanceof CniError && thrown.cniCode === CNI_CODES.unknownContainer)) throw thrown;
  }
}

function elementsOf(record: EndpointRecord | null): readonly GuardElement[] {
  return record === null ? [] : guardElements(record);
}

function addressesOf({ addresses }: CniDeps, { containerId, ifname }: AttachmentOwner): IpAddress[] {
  return addresses
    .list()
    .filter(({ owner }) => owner.containerId === containerId && owner.ifname === ifname)
    .map(({ ip }) => ip);
}

/** Leaves a failed step to the reconciler. */
async function orLater(deps: CniDeps, owner: AttachmentOwner, what: string, work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (thrown) {
    deps.log.warn(
      { ...owner, reason: messageOf(thrown) },
      `DEL: ${what} failed; the reconciler repeats it within a minute`,
    );
  }
}
