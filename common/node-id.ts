/** Node id: the first 16 bytes of the SHA-256 of the node's Ed25519 public key, in lower-case hex. */
import { createHash } from 'node:crypto';
import type { Brand } from './brand.js';
import { DecodeError } from './errors.js';

export type NodeId = Brand<string, 'NodeId'>;

export const NODE_ID_BYTES = 16;

/** @param publicKey raw Ed25519 public key, 32 bytes */
export function nodeIdOf(publicKey: Uint8Array): NodeId {
  return createHash('sha256')
    .update(publicKey)
    .digest('hex')
    .slice(0, NODE_ID_BYTES * 2) as NodeId;
}

export function parseNodeId(text: string): NodeId {
  if (!/^[0-9a-f]{32}$/.test(text))
    throw new DecodeError(`"${text}" is not a node id (expected 32 lower-case hex digits)`);
  return text as NodeId;
}
