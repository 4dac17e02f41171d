/**
 * Report of a death: a neighbour of a member says that it heard nothing of the member any longer. Signed, since it is passed on by
 * others: Ed25519 over a domain string, both ids and the revision. It is about one advert of the member: a newer one voids it.
 *
 * ```
 *   "heddle/2 death\0" | node id, 16 | observer id, 16 | revision of the node's advert, u64
 * ```
 * Not here: how many reports count, and of whom (`cluster/deaths.ts`).
 */
import type { NodeId } from '../../common/node-id.js';
import { verifyEd25519 } from './curve-keys.js';
import type { NodeIdentity } from './identity.js';
import { bytesOfCount, bytesOfId } from './wire-schema.js';

const SIGNATURE_DOMAIN = Buffer.from('heddle/2 death\0');

export interface DeathReport {
  /** The member that was not heard. */
  readonly node: NodeId;
  /** Of its advert that the observer knows. */
  readonly revision: number;
  readonly observer: NodeId;
  readonly signature: Uint8Array;
}

export function signDeathReport(identity: NodeIdentity, node: NodeId, revision: number): DeathReport {
  const unsigned = { node, revision, observer: identity.id };
  return { ...unsigned, signature: identity.sign(signedBytes(unsigned)) };
}

/** @param key identity key of the observer */
export function hasGoodSignature(report: DeathReport, key: Uint8Array): boolean {
  return verifyEd25519(key, signedBytes(report), report.signature);
}

function signedBytes({ node, revision, observer }: Omit<DeathReport, 'signature'>): Uint8Array {
  return Buffer.concat([SIGNATURE_DOMAIN, bytesOfId(node), bytesOfId(observer), bytesOfCount(revision)]);
}
