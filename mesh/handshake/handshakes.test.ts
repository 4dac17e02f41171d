import { describe, expect, it } from '@jest/globals';
import { parseIpAddress } from '../../common/address/ip-address.js';
import { parseSocketAddress } from '../../common/address/socket-address.js';
import { ClusterSecrets } from '../wire/cluster-secrets.js';
import { COOKIE_DATAGRAM_BYTES, WAIT_COOKIE_DATAGRAM_BYTES } from '../../common/wire/cookie-datagram.js';
import {
  CROSSING_MS,
  HANDSHAKE_LIFETIME_MS,
  HERD_INTERVAL_MS,
  INITIATION_BYTES,
  MAX_PLACES_PER_ADDRESS,
  SOURCE_BURST,
} from '../limits.js';
import { InitiationStamps } from './initiation-stamps.js';
import { FROM_A, FROM_B, HandshakeSide, replyOf, respondedOf, SECRET } from '../testing/handshake-side.js';

const STRANGER = parseSocketAddress('198.51.100.1:6785');
const CALLED = parseIpAddress('203.0.113.5');

/** Two nodes that know each other. */
function pair(): [HandshakeSide, HandshakeSide] {
  const [a, b] = [new HandshakeSide(1), new HandshakeSide(2)];
  a.meet(b);
  return [a, b];
}

describe('handshakes', () => {
  it('give both sides the same session', () => {
    const [a, b] = pair();
    const response = replyOf(b.handshakes.receive(a.initiate(b), FROM_A, 0));
    const responded = respondedOf(a.handshakes.receive(response, FROM_B, 5));
    const confirmed = b.handshakes.receive(responded.confirmation, FROM_A, 9);
    if (confirmed.type !== 'confirmed') throw new TypeError(confirmed.type);
    expect(responded.advert.id).toBe(b.identity.id);
    expect(confirmed.advert.id).toBe(a.identity.id);
    expect(responded.session.sendKey).toEqual(confirmed.session.receiveKey);
    expect(responded.session.receiveKey).toEqual(confirmed.session.sendKey);
    expect(responded.session.localIndex).toBe(confirmed.session.remoteIndex);
    expect(responded.session.remoteIndex).toBe(confirmed.session.localIndex);
    expect([responded.session.cipher, confirmed.session.cipher]).toEqual(['aes-256-gcm', 'aes-256-gcm']);
    expect(b.handshakes.receive(responded.confirmation, FROM_A, 10)).toEqual({
      type: 'confirmedAgain',
      peer: a.identity.id,
    });
  });

  it('respond to an initiation with less than was sent', () => {
    const [a, b] = pair();
    const initiation = a.initiate(b);
    expect(initiation).toHaveLength(INITIATION_BYTES);
    expect(replyOf(b.handshakes.receive(initiation, FROM_A, 0)).length).toBeLessThan(INITIATION_BYTES);
  });

  it('repeat the response to a repeated initiation, and refuse it after the handshake is over', () => {
    const [a, b] = pair();
    const initiation = a.initiate(b);
    const first = replyOf(b.handshakes.receive(initiation, FROM_A, 0));
    expect(replyOf(b.handshakes.receive(initiation, FROM_A, 100))).toBe(first);
    b.handshakes.expire(HANDSHAKE_LIFETIME_MS);
    expect(b.slots.count).toBe(0);
    const late = b.handshakes.receive(initiation, FROM_A, HANDSHAKE_LIFETIME_MS);
    expect(late).toMatchObject({ type: 'refused', reason: 'replayed', reply: null });
  });

  it('tell of the index before the response, also when that is sent again, and whether data may follow the confirmation', () => {
    for (const features of [['early-frames', 'another'], ['another'], []]) {
      const [a, b] = [new HandshakeSide(1), new HandshakeSide(2, { features: () => features })];
      const initiation = a.initiate();
      const responds = b.receiveWithCookie(initiation, FROM_A);
      expect(responds).toEqual(b.handshakes.receive(initiation, FROM_A, 1));
      const responded = respondedOf(a.handshakes.receive(replyOf(responds), FROM_B, 1));
      expect(responded.keepsEarly).toBe(features.includes('early-frames'));
      const { remoteIndex } = responded.session;
      expect(responds).toMatchObject({ type: 'responds', localIndex: remoteIndex });
    }
  });

  it('take an advert that is known byte for byte as it is, and verify any other', () => {
    const [a, b] = [new HandshakeSide(1), new HandshakeSide(2)];
    a.meet(b);
    const responded = respondedOf(
      a.handshakes.receive(replyOf(b.handshakes.receive(a.initiate(b), FROM_A, 0)), FROM_B, 1),
    );
    expect(responded.advert).toBe(b.advert);
    const confirmed = b.handshakes.receive(responded.confirmation, FROM_A, 2);
    expect(confirmed).toMatchObject({ type: 'confirmed' });
    expect((confirmed as { advert: unknown }).advert).toBe(a.advert);
    // Another signature under the same fields.
    const forged = b.advert.bytes.with(-1, b.advert.bytes.at(-1)! ^ 1);
    const liar = new HandshakeSide(2, { advert: () => forged });
    const answer = replyOf(liar.receiveWithCookie(a.initiate(b, 10), FROM_A, 10));
    expect(a.handshakes.receive(answer, FROM_B, 11)).toMatchObject({ type: 'refused', reason: 'badSignature' });
  });

  it('keep waiting after a response of an unexpected peer', () => {
    const [a, b, c] = [new HandshakeSide(1), new HandshakeSide(2), new HandshakeSide(3)];
    const initiation = a.initiate(b);
    const wrong = a.handshakes.receive(replyOf(c.receiveWithCookie(initiation, FROM_A)), FROM_B, 1);
    expect(wrong).toMatchObject({ type: 'unexpectedPeer', advert: { id: c.identity.id } });
    const right = a.handshakes.receive(replyOf(b.receiveWithCookie(initiation, FROM_A)), FROM_B, 2);
    expect(right.type).toBe('responded');
  });

  it('do not respond to an initiation under another cluster secret', () => {
    const stranger = new HandshakeSide(1, { clusterSecrets: new ClusterSecrets([new Uint8Array(32).fill(2)]) });
    expect(new HandshakeSide(2).handshakes.receive(stranger.initiate(), FROM_A, 0)).toEqual({
      type: 'refused',
      reason: 'badMac',
      reply: null,
      detail: null,
    });
  });

  it.each([
    ['old', 'old+new', 0, 0],
    ['old+new', 'old', 0, 0],
    ['old+new', 'old+new', 0, 0],
    ['old+new', 'new', 0, 1],
    ['new', 'old+new', 0, 0],
  ])(
    'finish from a node with %s to one with %s during a rotation: at try %i if it is known, else at try %i',
    (...args) => {
      const [mine, theirs, knownAt, unknownAt] = args;
      const sideOf = (seed: number, names: string) => {
        const secrets = names.split('+').map((name) => new Uint8Array(32).fill(name.charCodeAt(0)));
        return new HandshakeSide(seed, { clusterSecrets: new ClusterSecrets(secrets) });
      };
      for (const known of [true, false]) {
        const [a, b] = [sideOf(1, mine), sideOf(2, theirs)];
        const outcomes = [0, 1].map((turn) => b.receiveWithCookie(a.initiate(known ? b : null, 0, turn), FROM_A));
        const tried = outcomes.findIndex(({ type }) => type === 'responds');
        expect(tried).toBe(known ? knownAt : unknownAt);
        const responded = a.handshakes.receive(replyOf(outcomes[tried]!), FROM_B, 1);
        expect(b.handshakes.receive(respondedOf(responded).confirmation, FROM_A, 2).type).toBe('confirmed');
      }
    },
  );

  it('take no response under another secret than that of the initiation', () => {
    const both = [SECRET, new Uint8Array(32).fill(2)];
    const [a, b] = [1, 2].map((seed) => new HandshakeSide(seed, { clusterSecrets: new ClusterSecrets(both) }));
    const initiation = a!.initiate();
    b!.deps.clusterSecrets.replace(both.slice(1));
    const response = b!.forgeResponse(initiation, new Uint8Array(40));
    expect(a!.handshakes.receive(response, FROM_B, 1)).toMatchObject({ type: 'refused', reason: 'badMac' });
  });

  it('do not respond to their own initiation', () => {
    const a = new HandshakeSide(1);
    expect(a.handshakes.receive(a.initiate(), FROM_A, 0)).toMatchObject({ reason: 'ownInitiation', reply: null });
  });

  it('limit the initiations of one source that is not proven, and not those of a member at the same address', () => {
    const [a, b] = pair();
    const reasons = Array.from(
      { length: SOURCE_BURST + 5 },
      (_, i) => b.receiveWithCookie(new HandshakeSide(10 + i).initiate(), FROM_A).type,
    );
    expect(reasons.filter((type) => type === 'responds')).toHaveLength(SOURCE_BURST);
    expect(b.receiveWithCookie(new HandshakeSide(99).initiate(), FROM_B).type).toBe('responds');
    expect(b.handshakes.receive(a.initiate(b), FROM_A, 0).type).toBe('responds');
    expect(b.receiveWithCookie(new HandshakeSide(98).initiate(), FROM_A, 1_000).type).toBe('responds');
  });

  it('respond to a node that is not known only with a cookie of its address', () => {
    const [a, b] = [new HandshakeSide(1), new HandshakeSide(2)];
    const index = a.handshakes.start(
      { expects: () => true, staticKey: null, secretIds: null, turn: 0, mayCross: true, framesWait: false },
      0,
    )!;
    const plain = a.handshakes.initiationFor(index, FROM_B, 0)!;
    const asked = b.handshakes.receive(plain, FROM_A, 0);
    expect(asked).toMatchObject({ type: 'refused', reason: 'needsCookie' });
    const cookie = replyOf(asked);
    expect(cookie).toHaveLength(COOKIE_DATAGRAM_BYTES);
    expect(a.handshakes.receive(new Uint8Array(cookie).fill(0, 16, 20), FROM_B, 1)).toMatchObject({
      reason: 'badCookie',
    });
    const again = replyOf(a.handshakes.receive(cookie, FROM_B, 1));
    expect(a.handshakes.initiationFor(index, FROM_B, 2)).toEqual(again);
    expect(b.handshakes.receive(again, STRANGER, 1)).toMatchObject({ reason: 'needsCookie' });
    expect(b.handshakes.receive(again, FROM_A, 1).type).toBe('responds');
  });

  it('that cross end as one: of the node with the lower id, until that has had its time', () => {
    const sides = pair().sort((a, b) => (a.identity.id < b.identity.id ? -1 : 1));
    const [lower, higher] = [sides[0], sides[1]];
    const [wins, loses] = [lower.initiate(higher), higher.initiate(lower)];
    expect(higher.handshakes.receive(wins, FROM_A, 1).type).toBe('responds');
    expect(lower.handshakes.receive(loses, FROM_B, 1)).toMatchObject({ reason: 'crossed', reply: null });
    expect(lower.handshakes.receive(loses, FROM_B, CROSSING_MS - 1)).toMatchObject({ reason: 'crossed' });
    expect(lower.handshakes.receive(loses, FROM_B, CROSSING_MS).type).toBe('responds');
  });

  it('of a seed cross by its address, which it alone is dialled at', () => {
    const sides = [new HandshakeSide(1), new HandshakeSide(2)].sort((a, b) => (a.identity.id < b.identity.id ? -1 : 1));
    const [lower, higher] = [sides[0]!, sides[1]!];
    lower.initiate();
    expect(lower.handshakes.receive(higher.initiate(), FROM_B, 1)).toMatchObject({ reason: 'crossed' });
    expect(lower.handshakes.receive(higher.initiate(), STRANGER, 1)).toMatchObject({ reason: 'needsCookie' });
  });

  it('refuse an initiation of a member that was made for another one', () => {
    const [a, b] = pair();
    const c = new HandshakeSide(3);
    c.meet(a);
    expect(c.handshakes.receive(a.initiate(b), STRANGER, 0)).toMatchObject({ reason: 'badProof', reply: null });
  });

  it('refuse an initiation that is older than the last one, also after a restart', () => {
    const [a, b] = pair();
    const [old, newer] = [a.initiate(b), a.initiate(b, 1)];
    expect(b.handshakes.receive(newer, FROM_A, 1).type).toBe('responds');
    expect(b.handshakes.receive(old, STRANGER, 2)).toMatchObject({ reason: 'replayed', reply: null });
    const stamps = new InitiationStamps(b.stamps.kept(), 0, () => undefined);
    const restarted = new HandshakeSide(2, { stamps });
    restarted.meet(a);
    for (const bytes of [old, newer]) {
      expect(restarted.handshakes.receive(bytes, STRANGER, 3)).toMatchObject({ reason: 'replayed', reply: null });
    }
    expect(restarted.handshakes.receive(a.initiate(b, 4), FROM_A, 4).type).toBe('responds');
  });

  it('repeat a response only to the address that it went to', () => {
    const [a, b] = pair();
    const initiation = a.initiate(b);
    expect(b.handshakes.receive(initiation, FROM_A, 0).type).toBe('responds');
    expect(b.handshakes.receive(initiation, STRANGER, 1)).toMatchObject({ reason: 'replayed', reply: null });
    expect(b.handshakes.receive(initiation, FROM_A, 2).type).toBe('responds');
  });

  it('that are told to wait send nothing to that address before, and then the same initiation with the cookie', () => {
    const [a, b] = [new HandshakeSide(1), new HandshakeSide(2)];
    a.meet(b);
    const members = Array.from({ length: MAX_PLACES_PER_ADDRESS }, (_, i) => new HandshakeSide(10 + i));
    const held = members.map((member) => {
      member.meet(b);
      return { member, response: replyOf(b.handshakes.receive(member.initiate(b), FROM_A, 0)) };
    });
    const initiation = a.initiate(b, 0);
    const told = replyOf(b.handshakes.receive(initiation, FROM_A, 0));
    expect(told).toHaveLength(WAIT_COOKIE_DATAGRAM_BYTES);
    expect(a.handshakes.receive(told, FROM_B, 0, CALLED).type).toBe('waits');
    expect(a.handshakes.receive(told, FROM_B, 1, STRANGER.ip)).toMatchObject({ reason: 'duplicateCookie' });
    expect(a.handshakes.pollAt()).toBe(HERD_INTERVAL_MS);
    expect(a.handshakes.takeDue(HERD_INTERVAL_MS - 1)).toEqual([]);
    for (const { member, response } of held) {
      const { confirmation } = respondedOf(member.handshakes.receive(response, FROM_B, 1));
      expect(b.handshakes.receive(confirmation, FROM_A, 1).type).toBe('confirmed');
    }
    const [again] = a.handshakes.takeDue(HERD_INTERVAL_MS);
    // The cookie is for the address of this node that it was sent to.
    expect(again!.origin).toEqual({ from: FROM_B, local: CALLED });
    // A copy that comes to another address of the node says nothing of that.
    expect(a.handshakes.receive(told, FROM_B, HERD_INTERVAL_MS, STRANGER.ip).type).toBe('waits');
    const [afterCopy] = a.handshakes.takeDue(2 * HERD_INTERVAL_MS);
    expect(afterCopy!.origin).toEqual({ from: FROM_B, local: CALLED });
    const response = b.handshakes.receive(again!.bytes, FROM_A, HERD_INTERVAL_MS);
    expect(a.handshakes.receive(replyOf(response), FROM_B, HERD_INTERVAL_MS).type).toBe('responded');
    expect(a.handshakes.takeDue(HERD_INTERVAL_MS)).toEqual([]);
    expect(a.handshakes.pollAt()).toBeNull();
  });
});
