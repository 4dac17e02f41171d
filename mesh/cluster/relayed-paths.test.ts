import { describe, expect, it } from '@jest/globals';
import type { NodeId } from '../../common/node-id.js';
import { RELAY_RETRY_MS, STRANGER_SEARCH_BURST, STRANGER_SEARCHES_PER_SECOND } from '../relay-limits.js';
import type { Link } from '../peer/link.js';
import type { Peer } from '../peer/peer.js';
import { SeededRandom } from '../testing/seeded-random.js';
import { RelayedPaths } from './relayed-paths.js';

const idOf = (n: number): NodeId => n.toString(16).padStart(32, '0') as NodeId;
const DOWN: Link = { state: 'down', sinceMs: 0, reason: 'no answer to handshakes' };
const UP: Link = { state: 'up', sinceMs: 0, lastHeardMs: 0 };
const OWN_ID = idOf(0xffff);

/** All that are down are sought by then, by the end with the higher id too. */
const NEEDED_MS = 5_000;

type Traits = Partial<Pick<Peer, 'isProven' | 'isNeighbour' | 'link' | 'hasLeft'>> & { readonly hasFrames?: boolean };

function peerOf(
  n: number,
  { isProven = false, isNeighbour = false, link = DOWN, hasLeft = false, hasFrames = false }: Traits = {},
): Peer {
  const isLinked = link.state === 'up';
  const known = { id: idOf(n), link, isProven, isNeighbour, isLinked, hasLeft, isReported: false };
  const path = { relay: null, rttMs: 1 };
  const asked = { unanswered: { sinceMs: null }, framesWait: () => hasFrames, isHeard: () => isLinked };
  return { ...known, ...asked, path } as unknown as Peer;
}

/** Paths of a node with one linked peer, and the members that it sought relays to. */
function nodeWithRelay(isAble: () => boolean = () => true): {
  readonly paths: RelayedPaths;
  readonly sought: ReadonlySet<NodeId>;
  readonly consider: (peer: Peer, nowMs: number) => void;
  /** The linked peer goes down. */
  readonly unlink: () => void;
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
  return { paths, sought, consider, unlink: () => consider(peerOf(1, { isProven: true, hasLeft: true }), 0) };
}

describe('relays to members that never had a handshake with this node', () => {
  const neighbours = Array.from({ length: 100 }, (_, n) => peerOf(100 + n, { isNeighbour: true }));
  const others = Array.from({ length: 100 }, (_, n) => peerOf(1000 + n));

  it('are sought for few at once, of its neighbours and of others', () => {
    const { sought, consider } = nodeWithRelay();
    for (const peer of [...others, ...neighbours]) consider(peer, NEEDED_MS);
    expect([...sought].filter((id) => neighbours.some((peer) => peer.id === id))).toHaveLength(STRANGER_SEARCH_BURST);
    expect(sought.size).toBe(2 * STRANGER_SEARCH_BURST);
  });

  it('are sought for the rest one after the other', () => {
    const { paths, sought, consider } = nodeWithRelay();
    for (const peer of neighbours) consider(peer, NEEDED_MS);
    const minuteMs = 60_000;
    for (let nowMs = NEEDED_MS; nowMs < NEEDED_MS + minuteMs; nowMs += 100) paths.advance(nowMs);
    expect(sought.size).toBeGreaterThan(STRANGER_SEARCH_BURST);
    expect(sought.size).toBeLessThanOrEqual(STRANGER_SEARCH_BURST + (STRANGER_SEARCHES_PER_SECOND * minuteMs) / 1000);
  });

  it('are sought for each in turn, not sooner for those that more is heard of', () => {
    const { paths, sought, consider } = nodeWithRelay();
    const [quiet, ...loud] = neighbours.slice(0, 32);
    for (const peer of loud) consider(peer, NEEDED_MS);
    consider(quiet!, NEEDED_MS + 1);
    for (let i = 0; i < 60_000; i++) {
      const nowMs = 2 * NEEDED_MS + 10 * i;
      consider(loud[i % loud.length]!, nowMs);
      paths.advance(nowMs);
    }
    expect(sought).toContain(quiet!.id);
  });

  it('are sought all the same for those that frames wait for, and for those that it has met', () => {
    const { sought, consider } = nodeWithRelay();
    for (const peer of neighbours) consider(peer, NEEDED_MS);
    consider(peerOf(300, { isNeighbour: true, isProven: true }), NEEDED_MS);
    consider(peerOf(301, { hasFrames: true }), NEEDED_MS);
    expect([...sought].slice(-2)).toEqual([idOf(300), idOf(301)]);
  });

  it('are sought at once when there is a member to ask, though there was none for a while', () => {
    const { sought, consider, paths, unlink } = nodeWithRelay();
    unlink();
    for (const peer of neighbours.slice(0, STRANGER_SEARCH_BURST)) consider(peer, NEEDED_MS);
    for (let nowMs = NEEDED_MS; nowMs < 30_000; nowMs += 100) paths.advance(nowMs);
    expect(sought.size).toBe(0);
    consider(peerOf(1, { link: UP, isProven: true }), 30_000);
    for (let nowMs = 30_000; nowMs < 30_000 + RELAY_RETRY_MS; nowMs += 100) paths.advance(nowMs);
    expect(sought.size).toBe(STRANGER_SEARCH_BURST);
  });

  it('are sought once the router knows relays, whoever was down before', () => {
    let isAble = false;
    const { sought, consider } = nodeWithRelay(() => isAble);
    for (const peer of neighbours) consider(peer, NEEDED_MS);
    isAble = true;
    consider(peerOf(300, { isNeighbour: true }), NEEDED_MS);
    expect(sought).toContain(idOf(300));
  });
});
