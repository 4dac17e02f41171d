/**
 * DEL and GC: the pair goes first, then the address, then the record. A pod whose namespace is gone, or that was never
 * attached, is no error. Not being able to write to disk is none either: the reconciler frees what stays on record.
 */
import { messageOf } from '../../common/errors.js';
import { describeAttachment, hostInterfaceOf } from '../attachment.js';
import type { AttachmentOwner, EndpointRecord } from '../attachment.js';
import type { AttachmentLocks } from './attachment-locks.js';
import { CniError, CNI_CODES } from '../cni-error.js';
import type { CniDeps } from '../deps.js';
import { parseLinkAlias } from '../pod-network/link-alias.js';
import type { CollectCall } from '../call/request.js';

/** Rejects only when the pair exists and could not be removed; then the address stays taken. */
export async function removeAttachment(deps: CniDeps, owner: AttachmentOwner): Promise<void> {
  const hostInterface = hostInterfaceOf(owner);
  await deps.network.detach(hostInterface);
  const known = deps.endpoints.get(hostInterface);
  await orLater(deps, owner, 'releasing its addresses', deps.addresses.release(owner));
  await orLater(deps, owner, 'removing its record', deps.endpoints.remove(hostInterface));
  if (known !== null) await orLater(deps, owner, 'telling the router', deps.announce(deps.endpoints.list()));
}

/** Whether the attachment was made after a DEL or GC that is replayed was written: then it is not meant. */
export function isNewerThan(record: EndpointRecord | null, asOfMs: number): boolean {
  return record !== null && Date.parse(record.since) > asOfMs;
}

/** Removes everything of the network that the runtime does not name. Goes on after failures and reports all of them. */
export async function collectGarbage(
  deps: CniDeps,
  locks: AttachmentLocks,
  call: CollectCall,
  asOfMs: number,
): Promise<readonly AttachmentOwner[]> {
  const valid = new Set(call.validAttachments.map(hostInterfaceOf));
  const removed: AttachmentOwner[] = [];
  const failures: string[] = [];
  for (const owner of await candidates(deps, call.config.name)) {
    const hostInterface = hostInterfaceOf(owner);
    if (valid.has(hostInterface) || locks.isHeld(hostInterface)) continue;
    if (isNewerThan(deps.endpoints.get(hostInterface), asOfMs)) continue;
    try {
      await locks.run(hostInterface, () => removeAttachment(deps, owner));
      removed.push(owner);
    } catch (thrown) {
      failures.push(`${describeAttachment(owner)}: ${messageOf(thrown)}`);
    }
  }
  if (failures.length > 0)
    throw new CniError(CNI_CODES.hostRefused, 'garbage could not be removed', failures.join('; '));
  return removed;
}

/** Owners of records, of addresses without a record, and of bridge ports without a record. */
async function candidates(deps: CniDeps, network: string): Promise<readonly AttachmentOwner[]> {
  const owners = new Map<string, AttachmentOwner>();
  for (const record of deps.endpoints.list()) {
    if (record.network === network) owners.set(record.hostInterface, record);
  }
  for (const { owner } of deps.addresses.list()) {
    const hostInterface = hostInterfaceOf(owner);
    if (deps.endpoints.get(hostInterface) === null) owners.set(hostInterface, owner);
  }
  for (const port of (await deps.network.hostPorts()).values()) {
    const alias = parseLinkAlias(port.alias);
    if (alias?.network === network && deps.endpoints.get(port.name) === null) owners.set(port.name, alias.owner);
  }
  return [...owners.values()].map(({ containerId, ifname }) => ({ containerId, ifname }));
}

async function orLater(deps: CniDeps, owner: AttachmentOwner, what: string, work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (thrown) {
    deps.log.warn(
      { ...owner, reason: messageOf(thrown) },
      `detaching a pod: ${what} failed, the reconciler will do it`,
    );
  }
}
