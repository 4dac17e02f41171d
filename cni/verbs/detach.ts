/**
 * DEL and GC: the pair goes first, then the address, then the record. A pod whose namespace is gone, or that was never
 * attached, is no error. Not being able to write to disk is none either: the reconciler frees what stays on record.
 */
import { messageOf } from '../../common/errors.js';
import { describeAttachment, hostInterfaceOf } from '../attachment.js';
import type { AttachmentOwner, EndpointRecord } from '../attachment.js';
import type { AttachmentLocks } from './attachment-locks.js';
import { CniError, CNI_CODES } from '../cni-error.js';
import type { CniPorts } from '../ports.js';
import { parseLinkAlias } from '../pod-network/link-alias.js';
import type { CollectCall } from '../call/request.js';

/** Rejects only when the pair exists and could not be removed; then the address stays taken. */
export async function removeAttachment(ports: CniPorts, owner: AttachmentOwner): Promise<void> {
  const hostInterface = hostInterfaceOf(owner);
  await ports.network.detach(hostInterface);
  const known = ports.endpoints.get(hostInterface);
  await orLater(ports, owner, 'releasing its addresses', ports.addresses.release(owner));
  await orLater(ports, owner, 'removing its record', ports.endpoints.remove(hostInterface));
  if (known !== null) await orLater(ports, owner, 'telling the router', ports.announce(ports.endpoints.list()));
}

/** Whether the attachment was made after a DEL or GC that is replayed was written: then it is not meant. */
export function isNewerThan(record: EndpointRecord | null, asOfMs: number): boolean {
  return record !== null && Date.parse(record.since) > asOfMs;
}

/** Removes everything of the network that the runtime does not name. Goes on after failures and reports all of them. */
export async function collectGarbage(
  ports: CniPorts,
  locks: AttachmentLocks,
  call: CollectCall,
  asOfMs: number,
): Promise<readonly AttachmentOwner[]> {
  const valid = new Set(call.validAttachments.map(hostInterfaceOf));
  const removed: AttachmentOwner[] = [];
  const failures: string[] = [];
  for (const owner of await candidates(ports, call.config.name)) {
    const hostInterface = hostInterfaceOf(owner);
    if (valid.has(hostInterface) || locks.isHeld(hostInterface)) continue;
    if (isNewerThan(ports.endpoints.get(hostInterface), asOfMs)) continue;
    try {
      await locks.run(hostInterface, () => removeAttachment(ports, owner));
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
async function candidates(ports: CniPorts, network: string): Promise<readonly AttachmentOwner[]> {
  const owners = new Map<string, AttachmentOwner>();
  for (const record of ports.endpoints.list()) {
    if (record.network === network) owners.set(record.hostInterface, record);
  }
  for (const { owner } of ports.addresses.list()) {
    const hostInterface = hostInterfaceOf(owner);
    if (ports.endpoints.get(hostInterface) === null) owners.set(hostInterface, owner);
  }
  for (const port of (await ports.network.hostPorts()).values()) {
    const alias = parseLinkAlias(port.alias);
    if (alias?.network === network && ports.endpoints.get(port.name) === null) owners.set(port.name, alias.owner);
  }
  return [...owners.values()].map(({ containerId, ifname }) => ({ containerId, ifname }));
}

async function orLater(ports: CniPorts, owner: AttachmentOwner, what: string, work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (thrown) {
    ports.log.warn(
      { ...owner, reason: messageOf(thrown) },
      `detaching a pod: ${what} failed, the reconciler will do it`,
    );
  }
}
