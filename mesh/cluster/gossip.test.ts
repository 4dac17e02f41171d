import { describe, expect, it } from '@jest/globals';
import type { NodeId } from '../../common/node-id.js';
import { signAdvert } from '../wire/advert.js';
import type { Advert } from '../wire/advert.js';
import { decodeControl } from '../wire/control-message.js';
import type { ControlMessage } from '../wire/control-message.js';
import { Gossip } from './gossip.js';
import { generateIdentity } from '../wire/identity.js';
import { bucketOf } from './bucket-hashes.js';
import {
  ANTI_ENTROPY_MS,
  BUCKET_HASH_BYTES,
  BUCKETS,
  COMPARE_LINKED_MS,
  FEW_ADVERTS,
  GOSSIP_FANOUT,
  GOSSIP_FANOUT_OF_MANY,
  MAX_DIGEST_ENTRIES,
  PUSH_INTERVAL_MS,
} from '../limits.js';
import { MAX_CONTROL_BYTES } from '../../common/protocol.js';
import { Membership } from './membership.js';
import { SeededRandom } from '../testing/seeded-random.js';

const template = advertOf(1);

function advertOf(seed: number, revision = 1): Advert {
  const self = { name: `node-${seed}`, version: '1', endpoints: [], podCidrs: [], podMtuBytes: null };
  return signAdvert(generateIdentity(new SeededRandom(seed)), self, {
    createdAtMs: 1,
    revision,
    incarnation: 1,
    lowestStamp: 0,
  });
}

/** An advert that costs no signature, for large numbers. */
function cheapAdvert(n: number): Advert {
  return { ...template, id: n.toString(16).padStart(32, '0') as NodeId, bytes: new Uint8Array(300).fill(n) };
}

class Node {
  readonly members: Membership;
  readonly gossip: Gossip;
  readonly sent: { to: NodeId; message: ControlMessage }[] = [];
  linked: NodeId[] = [];

  constructor(readonly own: Advert) {
    this.members = new Membership(own.id);
    const deps = {
      linkedPeers: () => this.linked,
      ownAdvert: () => own,
      adverts: () => [own, ...this.members.all()],
      hasLeft: () => false,
      digestSent: () => undefined,
      send: (to: NodeId, bytes: Uint8Array) => {
        expect(bytes.length).toBeLessThanOrEqual(MAX_CONTROL_BYTES);
        this.sent.push({ to, message: decodeControl(bytes)! });
      },
    };
    this.gossip = new Gossip(this.members, deps, new SeededRandom(3));
  }

  take(): ControlMessage[] {
    return this.sent.splice(0).map(({ message }) => message);
  }

  receive(from: Node, message: ControlMessage): void {
    if (message.type === 'digest') this.gossip.answerDigest(from.own.id, message);
    if (message.type === 'hashes') this.gossip.answerHashes(from.own.id, message.bytes);
    if (message.type === 'buckets') this.gossip.answerBuckets(from.own.id, message);
    if (message.type === 'pull') this.gossip.answerPull(from.own.id, message.ids);
    if (message.type === 'adverts') for (const bytes of message.adverts) this.members.learnEncoded(bytes);
  }
}

/** Delivers what is sent until nothing is. Gives the types of the messages. */
function deliverAll(a: Node, b: Node): string[] {
  const types: string[] = [];
  for (let isLeft = true; isLeft;) {
    isLeft = false;
    for (const [from, to] of [[a, b] as const, [b, a] as const]) {
      for (const message of from.take()) {
        isLeft = true;
        types.push(message.type);
        to.receive(from, message);
      }
    }
  }
  return types;
}

function exchange(a: Node, b: Node): string[] {
  a.gossip.sendDigest(b.own.id, 0);
  return deliverAll(a, b);
}

describe('gossip', () => {
  it('makes two nodes equal with one digest', () => {
    const [a, b] = [new Node(advertOf(1)), new Node(advertOf(2))];
    for (const advert of [advertOf(3), advertOf(4, 9), advertOf(5)]) a.members.learn(advert);
    for (const advert of [advertOf(4, 2), advertOf(5), advertOf(6)]) b.members.learn(advert);
    a.gossip.sendDigest(b.own.id, 0);
    deliverAll(a, b);
    const known = (node: Node) =>
      [node.own, ...node.members.all()].map(({ id, revision }) => `${id} ${revision}`).sort();
    expect(known(a)).toEqual(known(b));
    expect(known(a)).toHaveLength(6);
  });

  it('pushes a new advert once to a few peers, but not to the one that sent it', () => {
    const node = new Node(advertOf(1));
    node.linked = Array.from({ length: 40 }, (_, n) => cheapAdvert(n).id);
    node.gossip.broadcast(advertOf(9), node.linked[0]!);
    node.gossip.advance(0);
    expect(node.sent.length).toBeGreaterThanOrEqual(GOSSIP_FANOUT - 1);
    expect(node.sent.length).toBeLessThanOrEqual(GOSSIP_FANOUT);
    expect(node.sent.every(({ to }) => to !== node.linked[0])).toBe(true);
    node.take();
    node.gossip.advance(1);
    expect(node.sent).toEqual([]);
  });

  it('pushes what comes soon after a push in one batch, of each node the newest', () => {
    const node = new Node(advertOf(1));
    node.linked = Array.from({ length: 40 }, (_, n) => cheapAdvert(n).id);
    node.gossip.broadcast(advertOf(9), null);
    node.gossip.advance(0);
    node.take();
    for (const advert of [advertOf(10, 1), advertOf(11), advertOf(10, 2)]) node.gossip.broadcast(advert, null);
    node.gossip.advance(PUSH_INTERVAL_MS - 1);
    expect([node.sent, node.gossip.pollAt()]).toEqual([[], PUSH_INTERVAL_MS]);
    node.gossip.advance(PUSH_INTERVAL_MS);
    const batch = { type: 'adverts', adverts: [advertOf(11).bytes, advertOf(10, 2).bytes] };
    expect(node.take()).toEqual(Array.from({ length: GOSSIP_FANOUT }, () => batch));
  });

  it('pushes a large batch to fewer peers', () => {
    const node = new Node(advertOf(1));
    node.linked = Array.from({ length: 40 }, (_, n) => cheapAdvert(n).id);
    for (let n = 0; n <= FEW_ADVERTS; n++) node.gossip.broadcast(cheapAdvert(100 + n), null);
    node.gossip.advance(0);
    expect(node.sent).toHaveLength(GOSSIP_FANOUT_OF_MANY);
  });

  it('compares adverts a while after the last of many new ones, and not after a few', () => {
    const comparedAfter = (count: number): boolean => {
      const node = new Node(advertOf(1));
      node.linked = [cheapAdvert(1).id];
      node.gossip.advance(0);
      for (let n = 0; n < count; n++) {
        node.gossip.broadcast(cheapAdvert(100 + n), node.linked[0]!);
        node.gossip.advance(10 * n);
      }
      const lastMs = 10 * (count - 1);
      node.gossip.advance(lastMs + COMPARE_LINKED_MS - 1);
      expect(node.take().filter(({ type }) => type === 'digest')).toEqual([]);
      node.gossip.advance(lastMs + COMPARE_LINKED_MS);
      return node.take().some(({ type }) => type === 'digest');
    };
    expect(comparedAfter(FEW_ADVERTS)).toBe(false);
    expect(comparedAfter(FEW_ADVERTS + 1)).toBe(true);
  });

  it('goes on comparing after many new adverts while one more comes, and then ends', () => {
    const node = new Node(advertOf(1));
    node.linked = [cheapAdvert(1).id];
    const digestsAt = (nowMs: number): number => {
      node.gossip.advance(nowMs);
      return node.take().filter(({ type }) => type === 'digest').length;
    };
    for (let n = 0; n <= FEW_ADVERTS; n++) node.gossip.broadcast(cheapAdvert(100 + n), node.linked[0]!);
    expect([digestsAt(0), digestsAt(COMPARE_LINKED_MS)]).toEqual([0, 1]);
    node.gossip.broadcast(cheapAdvert(200), node.linked[0]!);
    expect([digestsAt(1_100), digestsAt(2_099), digestsAt(2_100)]).toEqual([0, 0, 1]);
    expect([digestsAt(3_100), node.gossip.pollAt()! > 3_200]).toEqual([0, true]);
  });

  it('does not compare with every peer whose link comes up, when many do', () => {
    const node = new Node(advertOf(1));
    for (let n = 0; n < 100; n++) node.members.learn(cheapAdvert(n));
    for (let n = 0; n < 10; n++) node.gossip.linkedWith(cheapAdvert(n).id, 10 * n);
    expect(node.take()).toHaveLength(1);
    node.linked = [cheapAdvert(1).id];
    node.gossip.advance(COMPARE_LINKED_MS - 1);
    expect(node.take()).toEqual([]);
    node.gossip.advance(COMPARE_LINKED_MS);
    expect(node.take()).toHaveLength(1);
    node.gossip.linkedWith(cheapAdvert(1).id, 2 * COMPARE_LINKED_MS);
    expect(node.take()).toHaveLength(1);
  });

  it('sends a digest to one peer every few seconds', () => {
    const node = new Node(advertOf(1));
    node.linked = [cheapAdvert(1).id, cheapAdvert(2).id];
    for (let now = 0; now <= ANTI_ENTROPY_MS * 10; now += 100) node.gossip.advance(now);
    expect(node.sent.length).toBeGreaterThanOrEqual(7);
    expect(node.sent.length).toBeLessThanOrEqual(14);
    expect(node.sent.every(({ message }) => message.type === 'digest')).toBe(true);
  });

  it('finds the one change that was missed among thousands at the next exchange, from either side', () => {
    const adverts = Array.from({ length: 3000 }, (_, n) => cheapAdvert(n));
    for (const isKnownToA of [true, false]) {
      const [a, b] = [new Node(advertOf(1)), new Node(advertOf(2))];
      for (const { members } of [a, b]) for (const advert of adverts) members.learn(advert);
      for (const [node, other] of [[a, b] as const, [b, a] as const]) node.members.learn(other.own);
      const [informed, other] = isKnownToA ? [a, b] : [b, a];
      informed.members.learn(advertOf(4, 9));
      other.members.learn(advertOf(4, 2));
      expect(exchange(a, b)).toEqual(
        isKnownToA ? ['hashes', 'buckets', 'adverts'] : ['hashes', 'buckets', 'pull', 'adverts'],
      );
      expect(other.members.get(advertOf(4).id)?.revision).toBe(9);
      expect(exchange(a, b)).toEqual(['hashes']);
      informed.members.forget(advertOf(4).id);
      expect(exchange(a, b).slice(0, 2)).toEqual(['hashes', 'buckets']);
    }
  });

  it('cuts the lists and the answers of a large cluster to size', () => {
    const node = new Node({ ...cheapAdvert(0) });
    for (let n = 1; n <= 3 * MAX_DIGEST_ENTRIES; n++) node.members.learn(cheapAdvert(n));
    const seen = new Set<string>();
    const empty = new Uint8Array(BUCKETS * BUCKET_HASH_BYTES);
    for (let i = 0; i < 40; i++) node.gossip.answerHashes(cheapAdvert(1).id, empty);
    for (const message of node.take()) {
      if (message.type !== 'buckets') throw new TypeError(message.type);
      expect(message.entries.length).toBeLessThanOrEqual(MAX_DIGEST_ENTRIES);
      expect(message.entries.every(({ id }) => message.buckets.includes(bucketOf(id)))).toBe(true);
      for (const { id } of message.entries) seen.add(id);
    }
    expect(seen.size).toBe(3 * MAX_DIGEST_ENTRIES + 1);
    node.gossip.answerDigest(cheapAdvert(1).id, {
      type: 'digest',
      fromId: cheapAdvert(0).id,
      toId: null,
      entries: [],
    });
    const answers = node.take();
    expect(answers.length).toBeGreaterThan(1);
    expect(answers.length).toBeLessThanOrEqual(4);
  });
});
