import { describe, expect, it } from '@jest/globals';
import type { NodeId } from '../../common/node-id.js';
import { MAX_STRANGERS_SOUGHT } from '../limits.js';
import type { Link } from '../peer/link.js';
import type { Peer } from '../peer/peer.js';
import { SeededRandom } from '../testing/seeded-random.js';
import { RelayedPaths } from './relayed-paths.js';

const idOf = (n: number): NodeId => n.toString(16).padStart(32, '0') as NodeId;
const DOWN: Link = { state: 'down', sinceMs: 0, reason: 'no answer to handshakes' };
const UP: Link = { state: 'up', sinceMs: 0, lastHeardMs: 0 };
const OWN_ID = idOf(0xffff);

type Traits = Partial<Pick<Peer, 'isProven' | 'isNeighbour' | 'link'>>;

function peerOf(n: number, { isProven = false, isNeighbour = false, link = DOWN }: Traits = {}): Peer {
  const isLinked = link.state === 'up';
  const known = { id: idOf(n), link, isProven, isNeighbour, isLinked, hasLeft: false, isReported: false };
  const path = { relay: null, rttMs: 1 };
  const asked = { unanswered: { sinceMs: null }, framesWait: () => false, isHeard: () => isLinked };
  return { ...known, ...asked, path } as unknown as Peer;
}

/** Paths of a node with one linked peer, and the members that it sought relays to. */
function nodeWithRelay(isAble: () => boolean = () => true): {
  readonly paths: RelayedPaths;
  readonly sought: ReadonlySet<NodeId>;
  readonly consider: (peer: Peer, nowMs: number) => void;
} {
  const peers = new Map<NodeId, Peer>();
  const sought = new Set<NodeId>();
  const nothing = (): void => undefined;
  const paths = new RelayedPaths({
    ...{ ownId: OWN_ID, random: new SeededRandom(1), peers, isAble, isMember: () => true },
    ...{ newChannel: () => ({ channel: 1, token: new Uint8Array(8) }), nextProbeId: () => 1 },
    ...{ emit: nothing, open: nothing, schedule: nothing },
    send: (_to, message) => {
      if (message.type === 'relayQuery') sought.add(message.target);
    },
  });
  const consider = (peer: Peer, nowMs: number): void => {
    peers.set(peer.id, peer);
    paths.consider(peer, nowMs);
    paths.advance(nowMs);
  };
  consider(peerOf(1, { link: UP, isProven: true }), 0);
  return { paths, sought, consider };
}

describe('relays to members that never had a handshake with this node', () => {
  it('are sought for few at a time', () => {
    const { sought, consider } = nodeWithRelay();
    for (let n = 0; n < 100; n++) consider(peerOf(100 + n), 5000);
    expect(sought.size).toBe(MAX_STRANGERS_SOUGHT);
  });

  it('are sought for others once the first ones are gone', () => {
    const { paths, sought, consider } = nodeWithRelay();
    for (let n = 0; n < MAX_STRANGERS_SOUGHT; n++) consider(peerOf(100 + n), 5000);
    consider(peerOf(100, { link: UP }), 5000);
    paths.advance(60_000);
    consider(peerOf(300), 5000);
    expect(sought).toContain(idOf(300));
  });

  it('are sought all the same for neighbours, and for members that it has met', () => {
    const { sought, consider } = nodeWithRelay();
    for (let n = 0; n < 100; n++) consider(peerOf(100 + n), 5000);
    consider(peerOf(300, { isNeighbour: true }), 5000);
    consider(peerOf(301, { isProven: true }), 5000);
    expect([...sought].slice(-2)).toEqual([idOf(300), idOf(301)]);
  });

  it('are not sought any longer for those that were neighbours, beyond these few', () => {
    const { paths, consider } = nodeWithRelay();
    for (let n = 0; n < 100; n++) consider(peerOf(100 + n, { isNeighbour: true }), 5000);
    for (let n = 0; n < 100; n++) consider(peerOf(100 + n), 5000);
    const stillSought = Array.from({ length: 100 }, (_, n) => paths.has(idOf(100 + n)));
    expect(stillSought.filter(Boolean)).toHaveLength(MAX_STRANGERS_SOUGHT);
  });

  it('are sought once the router knows relays, whoever was down before', () => {
    let isAble = false;
    const { sought, consider } = nodeWithRelay(() => isAble);
    for (let n = 0; n < 100; n++) consider(peerOf(100 + n), 5000);
    isAble = true;
    consider(peerOf(300), 5000);
    expect(sought).toContain(idOf(300));
  });

  it('leave their places to others once they are neighbours', () => {
    const { sought, consider } = nodeWithRelay();
    for (let n = 0; n < MAX_STRANGERS_SOUGHT; n++) consider(peerOf(100 + n), 5000);
    consider(peerOf(100, { isNeighbour: true }), 5000);
    consider(peerOf(300), 5000);
    expect(sought).toContain(idOf(300));
  });
});
