import { describe, expect, it } from '@jest/globals';
import type { NodeId } from '../../common/node-id.js';
import type { OpenRelay, RelayChannel } from '../../common/router-port.js';
import {
  MAX_RELAYED_PAIRS,
  MAX_RELAYED_PAIRS_PER_MEMBER,
  RELAY_BURST,
  RELAY_LINK_BURST,
  RELAY_PENDING_MS,
  RELAY_TELL_BURST,
} from '../relay-limits.js';
import type { MeshEffect } from '../mesh-io.js';
import type { Peer } from '../peer/peer.js';
import type { RelayMessage } from '../wire/relay-messages.js';
import { Relays } from './relays.js';

const id = (number: number) => number.toString(16).padStart(32, '0') as NodeId;

interface FakePeer {
  state: 'up' | 'idle' | 'down';
  relay: NodeId | null;
}

/** A relay with links to peers, what it said, and what its router was told. */
class Bench {
  readonly said: [NodeId, RelayMessage][] = [];
  readonly effects: MeshEffect[] = [];
  readonly refused: NodeId[] = [];
  readonly linkedTo: NodeId[] = [];
  isAble = true;
  /** The relay that this node uses itself. */
  via: NodeId | null = null;
  readonly relays: Relays;
  readonly #peers = new Map<NodeId, Peer>();
  #channels = 100;

  constructor(count: number) {
    for (let number = 1; number <= count; number++) this.set(number, { state: 'up', relay: null });
    this.relays = new Relays({
      peers: this.#peers,
      conduct: { refused: (from) => this.refused.push(from) },
      isAble: () => this.isAble,
      isMember: (node) => this.#peers.has(node),
      open: (node) => this.linkedTo.push(node),
      relayFor: () => this.via,
      schedule: () => undefined,
      newChannel: () => this.channel(this.#channels++),
      send: (to, message) => this.said.push([to, message]),
      emit: (effect) => this.effects.push(effect),
    });
  }

  set(number: number, { state, relay }: FakePeer): void {
    const isUp = state === 'up';
    const peer = {
      id: id(number),
      isLinked: isUp,
      isHeard: () => isUp,
      link: { state },
      path: { relay, rttMs: number },
    };
    this.#peers.set(id(number), peer as unknown as Peer);
  }

  peer(number: number): Peer {
    return this.#peers.get(id(number))!;
  }

  channel(number: number): RelayChannel {
    return { channel: number, token: new Uint8Array(8).fill(number & 255) };
  }

  query(from: number, target: number, mayLink = false): RelayMessage {
    this.relays.answerQuery(this.peer(from), { type: 'relayQuery', target: id(target), mayLink }, 0);
    return this.said.at(-1)![1];
  }

  open(from: number, target: number, nowMs = 0): void {
    const channel = this.channel(from * 1000 + target);
    this.relays.open(this.peer(from), { type: 'relayOpen', target: id(target), channel }, nowMs);
  }

  openPair(a: number, b: number, nowMs = 0): void {
    this.open(a, b, nowMs);
    this.open(b, a, nowMs);
  }

  effectsOf(type: MeshEffect['type']): MeshEffect[] {
    return this.effects.filter((effect) => effect.type === type);
  }
}

describe('a relay', () => {
  it('offers the round trip to a member that it has a direct link to', () => {
    const bench = new Bench(3);
    expect(bench.query(1, 2)).toEqual({
      type: 'relayOffer',
      target: id(2),
      answer: 'yes',
      roundTripUs: 2000,
      via: null,
    });
    bench.set(2, { state: 'up', relay: id(3) });
    expect(bench.query(1, 2)).toMatchObject({ answer: 'noLink', roundTripUs: 0 });
    bench.set(2, { state: 'down', relay: null });
    expect(bench.query(1, 2, true)).toMatchObject({ answer: 'noLink' });
    expect(bench.query(1, 9, true)).toMatchObject({ answer: 'noLink' });
    expect(bench.query(1, 1)).toMatchObject({ answer: 'noLink' });
    bench.isAble = false;
    expect(bench.query(1, 3)).toMatchObject({ answer: 'off' });
  });

  it('makes a link when frames wait, a bounded number for one member', () => {
    const bench = new Bench(40);
    for (let target = 2; target <= 40; target++) bench.set(target, { state: 'idle', relay: null });
    expect(bench.query(1, 2)).toMatchObject({ answer: 'noLink' });
    expect(bench.query(1, 2, true)).toMatchObject({ answer: 'connecting' });
    for (let target = 3; target <= 40; target++) bench.query(1, target, true);
    expect(bench.linkedTo).toHaveLength(RELAY_LINK_BURST);
  });

  it('opens a pair when both ends have said their channels, and says so to both', () => {
    const bench = new Bench(2);
    bench.open(1, 2);
    expect(bench.effects).toEqual([]);
    expect(bench.said).toEqual([
      [id(2), { type: 'relayOpened', peer: id(1), channel: bench.channel(101), isComplete: false }],
    ]);
    bench.open(2, 1);
    expect(bench.effects).toEqual([
      {
        type: 'openRelay',
        ends: [
          { peer: id(1), receive: bench.channel(100), send: bench.channel(1002) },
          { peer: id(2), receive: bench.channel(101), send: bench.channel(2001) },
        ],
        opener: id(1),
      },
    ]);
    expect(bench.said.slice(1).map(([to, message]) => [to, message])).toEqual([
      [id(2), { type: 'relayOpened', peer: id(1), channel: bench.channel(101), isComplete: true }],
      [id(1), { type: 'relayOpened', peer: id(2), channel: bench.channel(100), isComplete: true }],
    ]);
    bench.open(1, 2);
    expect(bench.effects).toHaveLength(1);
    expect(bench.said.at(-1)?.[0]).toBe(id(1));
  });

  it('drops a pair whose other end never answers', () => {
    const bench = new Bench(2);
    bench.open(1, 2);
    expect(bench.relays.pollAt()).toBe(RELAY_PENDING_MS);
    bench.relays.expire(RELAY_PENDING_MS);
    expect(bench.said.at(-2)).toEqual([id(1), { type: 'relayClosed', peer: id(2), reason: 'gone' }]);
    expect(bench.relays.pollAt()).toBeNull();
  });

  it('ends the pairs of a member without a direct link, that an end leaves, and that are not used', () => {
    const bench = new Bench(4);
    bench.openPair(1, 2);
    bench.openPair(1, 3);
    bench.openPair(1, 4);
    expect(bench.relays.count).toBe(3);
    bench.set(2, { state: 'up', relay: id(4) });
    bench.relays.consider(bench.peer(2), 0);
    expect(bench.said.at(-2)).toEqual([id(1), { type: 'relayClosed', peer: id(2), reason: 'gone' }]);
    bench.relays.closedByEnd(id(3), { type: 'relayClosed', peer: id(1), reason: 'direct' }, 0);
    expect(bench.said.at(-1)).toEqual([id(1), { type: 'relayClosed', peer: id(3), reason: 'direct' }]);
    bench.relays.idle(104, 0);
    expect(bench.said.at(-1)).toEqual([id(4), { type: 'relayClosed', peer: id(1), reason: 'idle' }]);
    expect(bench.effectsOf('closeRelay')).toHaveLength(3);
    expect(bench.relays.count).toBe(0);
  });

  it('has a bounded number of pairs that one member asked for, and does not make others pay for them', () => {
    const bench = new Bench(MAX_RELAYED_PAIRS_PER_MEMBER + 4);
    const last = MAX_RELAYED_PAIRS_PER_MEMBER + 4;
    for (let other = 2; other <= last; other++) bench.openPair(1, other, other * 1000);
    expect(bench.relays.count).toBe(MAX_RELAYED_PAIRS_PER_MEMBER);
    expect(bench.query(1, last)).toMatchObject({ answer: 'noRoom' });
    expect(bench.said).toContainEqual([id(1), { type: 'relayClosed', peer: id(last), reason: 'noRoom' }]);
    expect(bench.query(2, 1)).toMatchObject({ answer: 'yes' });
    expect(bench.query(last, 1)).toMatchObject({ answer: 'yes' });
  });

  it('has a bounded number of pairs in all, of which the member with the most gives way to one with fewer', () => {
    const liars = MAX_RELAYED_PAIRS / MAX_RELAYED_PAIRS_PER_MEMBER;
    const bench = new Bench(liars + MAX_RELAYED_PAIRS_PER_MEMBER + 2);
    const [honest, other] = [liars + MAX_RELAYED_PAIRS_PER_MEMBER + 1, liars + MAX_RELAYED_PAIRS_PER_MEMBER + 2];
    for (let liar = 1; liar <= liars; liar++) {
      for (let i = 1; i <= MAX_RELAYED_PAIRS_PER_MEMBER; i++) bench.openPair(liar, liars + i, i * 1000);
    }
    expect(bench.relays.count).toBe(MAX_RELAYED_PAIRS);
    expect(bench.query(honest, other)).toMatchObject({ answer: 'yes' });
    bench.said.length = 0;
    bench.openPair(honest, other, 1e6);
    expect(bench.relays.count).toBe(MAX_RELAYED_PAIRS);
    const closed = bench.said.flatMap(([to, message]) => (message.type === 'relayClosed' ? [to] : []));
    expect(closed).toHaveLength(2);
    expect([honest, other].map(id)).not.toContain(closed[0]);
    expect(bench.said.at(-1)).toMatchObject([id(honest), { type: 'relayOpened', isComplete: true }]);
  });

  it('names the relay that it uses itself to a member that it has no way for', () => {
    const bench = new Bench(4);
    bench.set(2, { state: 'up', relay: id(3) });
    bench.via = id(3);
    expect(bench.query(1, 2)).toMatchObject({ answer: 'noLink', via: id(3) });
    expect(bench.query(1, 4)).toMatchObject({ answer: 'yes', via: null });
    bench.via = id(1);
    expect(bench.query(1, 2)).toMatchObject({ answer: 'noLink', via: null });
  });

  it('tells an end no more often of what another one opens and closes than an honest relay would', () => {
    const bench = new Bench(2);
    for (let round = 0; round < 200; round++) {
      const channel = bench.channel(round + 1);
      bench.relays.open(bench.peer(1), { type: 'relayOpen', target: id(2), channel }, round * 10);
    }
    const told = bench.said.filter(([to]) => to === id(2)).length;
    expect(told).toBeLessThan(RELAY_TELL_BURST);
    expect(told).toBeGreaterThan(0);
  });

  it('reads a bounded number of messages of one member', () => {
    const bench = new Bench(2);
    for (let i = 0; i < RELAY_BURST; i++) expect(bench.relays.mayRead(id(1), 0)).toBe(true);
    expect(bench.relays.mayRead(id(1), 0)).toBe(false);
    expect(bench.relays.mayRead(id(2), 0)).toBe(true);
    expect(bench.refused).toEqual([id(1)]);
  });

  it.each([
    ['the end that its router says opened them', 1],
    ['the first end when its router is older and does not say it', undefined],
    ['the first end when its router says another node', 9_999],
  ])('charges pairs from before a restart to %s', (_whom, opener) => {
    const bench = new Bench(MAX_RELAYED_PAIRS_PER_MEMBER + 4);
    const end = (number: number, label: number) => {
      return { peer: id(number), receive: bench.channel(label), send: bench.channel(label) };
    };
    const held = Array.from({ length: MAX_RELAYED_PAIRS_PER_MEMBER }, (_, i): OpenRelay => {
      const ends = [end(2, 2 * i + 1), end(3 + i, 2 * i + 2)] as const;
      if (opener !== 1) return opener === undefined ? { ends } : { ends, opener: id(opener) };
      return { ends: [ends[1], ends[0]], opener: id(2) };
    });
    bench.relays.adopt(held, 0);
    expect(bench.query(2, 1)).toMatchObject({ answer: 'noRoom' });
    expect(bench.query(3, 1)).toMatchObject({ answer: 'yes' });
  });

  it('closes what its router holds and it does not know, and says the rest again to another router', () => {
    const bench = new Bench(3);
    bench.openPair(1, 2);
    bench.effects.length = 0;
    const end = (number: number) => ({ peer: id(number), receive: bench.channel(number), send: bench.channel(number) });
    bench.relays.restore([{ ends: [end(1), end(3)] }]);
    expect(bench.effects.map(({ type }) => type)).toEqual(['closeRelay', 'openRelay']);
  });
});
