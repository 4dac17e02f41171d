import { beforeEach, describe, expect, it } from '@jest/globals';
import type { NodeId } from '../../common/node-id.js';
import type { RelayChannel, RelayRoute } from '../../common/router-port.js';
import {
  RELAY_CLOSED_MS,
  RELAY_COMPARE_MS,
  RELAY_FAILED_MS,
  RELAY_LINGER_MS,
  RELAY_OFFER_MS,
  RELAY_RETRY_MS,
  RELAY_SEARCH_MS,
  RELAY_SAID_TIMES,
  CHANNEL_UNUSED_MS,
} from '../relay-limits.js';
import type { MeshEffect } from '../mesh-io.js';
import { SeededRandom } from '../testing/seeded-random.js';
import type { RelayAnswer, RelayMessage } from '../wire/relay-messages.js';
import type { Peer } from './peer.js';
import { RelayedPath } from './relayed-path.js';

const id = (number: number) => number.toString(16).padStart(32, '0') as NodeId;
const [OWN, PEER, RELAY, OTHER] = [id(1), id(2), id(3), id(4)];
const offer = (answer: RelayAnswer, via: NodeId | null = null) => ({
  ...({ type: 'relayOffer', target: PEER, answer } as const),
  ...{ roundTripUs: answer === 'yes' ? 1000 : 0, via },
});
const channel = (number: number): RelayChannel => ({ channel: number, token: new Uint8Array(8).fill(number) });

let said: { to: NodeId; message: RelayMessage }[] = [];
let effects: MeshEffect[] = [];
let relays: NodeId[] = [];
/** Relays that other members named. */
let named: NodeId[] = [];
let channels = 100;
let maySearch = true;
let path: RelayedPath;

/** A peer that does not answer, as far as its way through relays is concerned. */
const peer = {
  id: PEER,
  isNeighbour: true,
  isLinked: true,
  hasLeft: false,
  isReported: false,
  link: { state: 'connecting', sinceMs: -60_000 },
  path: {
    route: null as RelayRoute | null,
    rttMs: 90,
    get relay() {
      return this.route?.peer ?? null;
    },
    useRelay(route: RelayRoute | null) {
      this.route = route;
    },
    followDirectly() {
      this.route = null;
    },
  },
  unanswered: { sinceMs: null },
  framesWait: () => false,
  isQuiet: () => false,
  closeIfQuiet: () => undefined,
  probeIfLinked: () => undefined,
};
const thePeer = peer as unknown as Peer;

beforeEach(() => {
  said = [];
  effects = [];
  relays = [RELAY];
  named = [];
  channels = 100;
  maySearch = true;
  peer.id = PEER;
  peer.path.route = null;
  peer.link.state = 'connecting';
  path = new RelayedPath(
    {
      ownId: OWN,
      random: new SeededRandom(1),
      maySearch: () => maySearch,
      candidates: () => relays.map((relay) => ({ id: relay, isNeighbour: true, isKnown: false, rttMs: 1 })),
      hasRoom: () => true,
      named: (relay) => {
        named.push(relay);
        return true;
      },
      relayTaken: () => undefined,
      newChannel: () => channel(channels++),
      nextProbeId: () => 1,
      send: (to, message) => said.push({ to, message }),
      emit: (effect) => effects.push(effect),
    },
    PEER,
  );
});

function toldOf(type: RelayMessage['type']): NodeId[] {
  return said.flatMap(({ to, message }) => (message.type === type ? [to] : []));
}

/** Searches until the path goes through the relay, whose channel has this number. */
function goThrough(relay: NodeId, number: number, nowMs: number): void {
  path.advance(thePeer, nowMs);
  path.offered(relay, offer('yes'), 1, nowMs);
  for (const other of relays) if (other !== relay) path.offered(other, offer('noLink'), 1, nowMs);
  path.advance(thePeer, nowMs);
  path.opened(relay, channel(number), true, thePeer, nowMs);
  path.probeAnswered([...path.openChannels()].at(-1)!, 1, thePeer, nowMs);
}

describe('a search that may not begin yet', () => {
  it('begins at once when it may', () => {
    maySearch = false;
    path.advance(thePeer, 0);
    maySearch = true;
    path.advance(thePeer, 1);
    expect(toldOf('relayQuery')).toEqual([RELAY]);
  });

  it('is tried again within the time between two searches', () => {
    maySearch = false;
    path.advance(thePeer, 0);
    const { wakeAtMs } = path;
    expect(wakeAtMs).toBeLessThanOrEqual(RELAY_RETRY_MS);
    expect(toldOf('relayQuery')).toEqual([]);
    maySearch = true;
    path.advance(thePeer, wakeAtMs);
    expect(toldOf('relayQuery')).toEqual([RELAY]);
  });
});

describe('a channel that the other end asked for', () => {
  it('is opened anew when it is tried: the relay may have closed it, and nothing said so', () => {
    peer.link.state = 'up';
    path.opened(RELAY, channel(1), false, thePeer, 0);
    path.opened(RELAY, channel(1), true, thePeer, 0);
    peer.link.state = 'connecting';
    said = [];
    path.advance(thePeer, 10);
    path.offered(RELAY, offer('yes'), 1, 10);
    path.advance(thePeer, 10);
    expect(toldOf('relayOpen')).toEqual([RELAY]);
  });

  it('is closed when it is not used, and kept while the path goes through it', () => {
    peer.link.state = 'up';
    path.opened(RELAY, channel(1), false, thePeer, 0);
    path.opened(OTHER, channel(2), false, thePeer, 0);
    path.usedByPeer(RELAY, thePeer, 10);
    for (let nowMs = 10; nowMs < CHANNEL_UNUSED_MS; nowMs += 1_000) path.advance(thePeer, nowMs);
    expect([...path.relays]).toEqual([RELAY, OTHER]);
    path.advance(thePeer, CHANNEL_UNUSED_MS);
    expect([...path.relays]).toEqual([RELAY]);
    expect(toldOf('relayClosed')).toEqual([OTHER]);
    expect(effects.filter(({ type }) => type === 'closeChannel')).toHaveLength(1);
  });

  it('is closed when it is of a member that this node has no peer of', () => {
    path.opened(RELAY, channel(1), false, undefined, 0);
    path.advance(undefined, 0);
    expect(path.wakeAtMs).toBe(CHANNEL_UNUSED_MS);
    path.advance(undefined, CHANNEL_UNUSED_MS);
    expect(path.isOver(undefined, CHANNEL_UNUSED_MS)).toBe(true);
  });
});

describe('the relay in use', () => {
  it('is found although members that lie have opened as many channels as one peer may have', () => {
    peer.link.state = 'up';
    const liars = [5, 6, 7, 8].map(id);
    liars.forEach((liar, i) => path.opened(liar, channel(10 + i), false, thePeer, 0));
    peer.link.state = 'connecting';
    goThrough(RELAY, 1, 10);
    expect(peer.path.route?.peer).toBe(RELAY);
  });

  it('is asked again soon after it failed once, and after a minute when it failed twice', () => {
    const searches: number[] = [];
    for (let nowMs = 0; nowMs < 200_000; nowMs += 50) {
      said = [];
      path.advance(thePeer, nowMs);
      if (toldOf('relayQuery').length > 0) searches.push(nowMs);
      path.offered(RELAY, offer('yes'), 1, nowMs);
    }
    expect(searches.length).toBeGreaterThan(2);
    expect(searches[1]! - searches[0]!).toBeLessThan(RELAY_SEARCH_MS + RELAY_RETRY_MS);
    expect(searches[2]! - searches[1]!).toBeGreaterThanOrEqual(RELAY_FAILED_MS);
  });

  it('is one that a member named that has no link to the peer itself, once there is a link to it', () => {
    path.advance(thePeer, 0);
    path.offered(RELAY, offer('noLink', OTHER), 1, 10);
    expect(named).toEqual([OTHER]);
    relays = [RELAY, OTHER];
    for (let nowMs = 10; nowMs <= RELAY_OFFER_MS + 10; nowMs += 10) path.advance(thePeer, nowMs);
    expect(toldOf('relayQuery')).toEqual([RELAY, OTHER]);
  });

  it('is asked for later when nothing answers through it, and not at once again and again', () => {
    goThrough(RELAY, 1, 0);
    peer.link.state = 'up';
    const wakes: number[] = [];
    for (let nowMs = 0; nowMs < 30_000; nowMs += 70) {
      path.advance(thePeer, nowMs);
      wakes.push(path.wakeAtMs - nowMs);
    }
    expect(Math.min(...wakes)).toBeGreaterThan(0);
  });

  it('may choose another channel', () => {
    goThrough(RELAY, 1, 0);
    expect(peer.path.route).toEqual({ peer: RELAY, channel: channel(1) });
    path.opened(RELAY, channel(9), true, thePeer, 10);
    expect(peer.path.route).toEqual({ peer: RELAY, channel: channel(9) });
  });

  it.each(['gone', 'direct', 'noRoom'] as const)('is not asked at once when it closes the channel: %s', (reason) => {
    relays = [RELAY, OTHER];
    goThrough(RELAY, 1, 0);
    path.advance(thePeer, 100);
    said = [];
    path.closed(RELAY, reason, thePeer, 200);
    expect(peer.path.route).toBeNull();
    path.advance(thePeer, 200);
    expect(toldOf('relayQuery')).toEqual([OTHER]);
    path.offered(OTHER, offer('noLink'), 1, 210);
    for (let nowMs = 210; nowMs < 200 + RELAY_CLOSED_MS; nowMs += 50) path.advance(thePeer, nowMs);
    expect(toldOf('relayQuery')).not.toContain(RELAY);
    for (let nowMs = 200 + RELAY_CLOSED_MS; nowMs < 40_000; nowMs += 50) path.advance(thePeer, nowMs);
    expect(toldOf('relayQuery')).toContain(RELAY);
  });

  it.each([
    ['by the end with the lower id', PEER, false, true],
    ['not by the other end', id(0), false, false],
    ['not while the direct path answers', PEER, true, false],
  ])('is compared with others: %s', (_who, peerId, isDirectAnswered, isCompared) => {
    relays = [RELAY, OTHER];
    peer.id = peerId;
    goThrough(RELAY, 1, 0);
    peer.link.state = 'up';
    said = [];
    const advance = (nowMs: number): void => {
      path.probeAnswered(path.openChannels()[0]!, 90, thePeer, nowMs);
      path.advance(thePeer, nowMs);
    };
    for (let nowMs = 0; nowMs < 0.8 * RELAY_COMPARE_MS; nowMs += 500) advance(nowMs);
    if (isDirectAnswered) path.probeAnswered(null, 1, thePeer, 0.8 * RELAY_COMPARE_MS);
    advance(1.2 * RELAY_COMPARE_MS);
    expect(peer.path.route?.peer).toBe(RELAY);
    expect(toldOf('relayQuery').includes(OTHER)).toBe(isCompared);
  });

  it('is left when the direct path is back, and both its relay and its peer are told', () => {
    goThrough(RELAY, 1, 0);
    peer.link.state = 'up';
    for (let nowMs = 0; nowMs < 20_000 && peer.path.route !== null; nowMs += 1_000) {
      path.advance(thePeer, nowMs);
      path.probeAnswered(null, 1, thePeer, nowMs);
    }
    expect(peer.path.route).toBeNull();
    for (let nowMs = 20_000; nowMs <= 22_000 + RELAY_LINGER_MS; nowMs += 1_000) path.advance(thePeer, nowMs);
    expect(effects.filter(({ type }) => type === 'sendControl').length).toBeGreaterThanOrEqual(RELAY_SAID_TIMES);
    expect(toldOf('relayClosed')).toEqual([RELAY]);
  });
});
