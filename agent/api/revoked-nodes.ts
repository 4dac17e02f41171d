/**
 * Operator's decisions about nodes: finds the node that is meant, passes the decision to the mesh core, and says what came of it.
 */
import type { Peer, RevokedNode } from '../../common/api.js';
import { RequestError } from '../../common/errors.js';
import type { NodeId } from '../../common/node-id.js';
import { findPeer } from './peer-lookup.js';

export interface DecisionDeps {
  readonly ownId: NodeId;
  readonly ownName: string;
  peers(): readonly Peer[];
  revoked(): readonly RevokedNode[];
  /** Tells the mesh core, which carries it out before it returns. */
  decide(node: NodeId, isRevoked: boolean): void;
}

/** @param key id, beginning of an id, or name. Throws {@link RequestError} when nothing or several match, or it was not taken */
export function revokeNode(key: string, deps: DecisionDeps): RevokedNode {
  if (key === deps.ownId || key === deps.ownName) {
    throw new RequestError('REQUEST_INVALID', 400, `"${key}" is this node: a node is forgotten on another one`);
  }
  const known = deps.revoked().find(({ id, name }) => id === key || name === key);
  if (known !== undefined) return known;
  const { id, name } = findPeer(deps.peers(), key);
  deps.decide(id as NodeId, true);
  const taken = deps.revoked().find((node) => node.id === id);
  if (taken !== undefined) return taken;
  throw new RequestError(
    'LIMIT_REACHED',
    409,
    `"${name}" was not forgotten: this node keeps as many others out as one node may; decide on another node, or undo some`,
  );
}

/** @param key as for {@link revokeNode}, of a node that is revoked */
export function readmitNode(key: string, deps: DecisionDeps): RevokedNode {
  const matches = deps.revoked().filter(({ id, name }) => id === key || name === key || isPrefix(key, id));
  const [only, ...others] = matches;
  if (only === undefined) throw new RequestError('NOT_FOUND', 404, `no revoked node has the id or name "${key}"`);
  if (others.length > 0) {
    const ids = matches.map(({ name, id }) => `${name} (${id})`).join(', ');
    throw new RequestError('REQUEST_INVALID', 400, `"${key}" means ${matches.length} nodes: ${ids}; give an id`);
  }
  deps.decide(only.id as NodeId, false);
  return only;
}

const MIN_PREFIX_DIGITS = 4;

function isPrefix(key: string, id: string): boolean {
  return key.length >= MIN_PREFIX_DIGITS && id.startsWith(key);
}
