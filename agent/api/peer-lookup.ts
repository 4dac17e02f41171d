/** Lookup of one peer by its id, the beginning of its id, or its name. */
import type { Peer } from '../../common/api.js';
import { RequestError } from '../../common/errors.js';

/** Shorter beginnings of an id are not looked up: they would be mistaken names more often than ids. */
const MIN_PREFIX_DIGITS = 4;
/** How many candidates an error message names. */
const MAX_NAMED = 5;

/**
 * A whole id wins over a name, and a name over the beginning of an id. Throws {@link RequestError}: 404 when nothing
 * matches, 400 when more than one does.
 */
export function findPeer(peers: readonly Peer[], key: string): Peer {
  const byId = peers.find((peer) => peer.id === key);
  if (byId !== undefined) return byId;
  const byName = peers.filter((peer) => peer.name === key);
  const matches = byName.length > 0 ? byName : byPrefix(peers, key);
  const [only, ...others] = matches;
  if (only === undefined) {
    throw new RequestError('NOT_FOUND', 404, `no peer has the id, id prefix or name "${key}"; /v1/peers lists all`);
  }
  if (others.length > 0) {
    const named = matches.slice(0, MAX_NAMED).map((peer) => `${peer.name} (${peer.id})`);
    throw new RequestError(
      'REQUEST_INVALID',
      400,
      `"${key}" means ${matches.length} peers: ${named.join(', ')}; give an id`,
    );
  }
  return only;
}

function byPrefix(peers: readonly Peer[], key: string): readonly Peer[] {
  return key.length < MIN_PREFIX_DIGITS ? [] : peers.filter((peer) => peer.id.startsWith(key));
}
