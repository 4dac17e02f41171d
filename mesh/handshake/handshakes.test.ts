import { describe, expect, it } from '@jest/globals';
import { parseSocketAddress } from '../../common/address/socket-address.js';
import { ClusterKeys } from '../wire/cluster-keys.js';
import { COOKIE_DATAGRAM_BYTES } from '../../common/wire/cookie-datagram.js';
import { encodeHandshake, readHandshake } from '../../common/wire/handshake-datagram.js';
import {
  HANDSHAKE_LIFETIME_MS,
  INITIATION_BYTES,
  MAX_PENDING_RESPONSES,
  SOURCE_BURST,
  UNDER_LOAD_PER_SECOND,
} from '../limits.js';
import { FROM_A, FROM_B, HandshakeSide, KEYS, replyOf, respondedOf } from '../testing/handshake-side.js';

describe('handshakes', () => {
  it('give both sides the same session', () => {
    const [a, b] = [new HandshakeSide(1), new HandshakeSide(2)];
    const response = replyOf(b.handshakes.receive(a.initiate(), FROM_A, 0));
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
    const [a, b] = [new HandshakeSide(1), new HandshakeSide(2)];
    const initiation = a.initiate();
    expect(initiation).toHaveLength(INITIATION_BYTES);
    expect(replyOf(b.handshakes.receive(initiation, FROM_A, 0)).length).toBeLessThan(INITIATION_BYTES);
  });

  it('repeat the response to a repeated initiation, and refuse it after the handshake is over', () => {
    const [a, b] = [new HandshakeSide(1), new HandshakeSide(2)];
    const initiation = a.initiate();
    const first = replyOf(b.handshakes.receive(initiation, FROM_A, 0));
    expect(replyOf(b.handshakes.receive(initiation, FROM_A, 100))).toBe(first);
    b.handshakes.expire(HANDSHAKE_LIFETIME_MS);
    expect(b.slots.count).toBe(0);
    const late = b.handshakes.receive(initiation, FROM_A, HANDSHAKE_LIFETIME_MS);
    expect(late).toMatchObject({ type: 'refused', reason: 'replayed', reply: null });
  });

  it('keep waiting after a response of an unexpected peer', () => {
    const [a, b, c] = [new HandshakeSide(1), new HandshakeSide(2), new HandshakeSide(3)];
    const initiation = a.initiate(0, (id) => id === b.identity.id);
    const wrong = a.handshakes.receive(replyOf(c.handshakes.receive(initiation, FROM_A, 0)), FROM_B, 1);
    expect(wrong).toMatchObject({ type: 'unexpectedPeer', advert: { id: c.identity.id } });
    const right = a.handshakes.receive(replyOf(b.handshakes.receive(initiation, FROM_A, 0)), FROM_B, 2);
    expect(right.type).toBe('responded');
  });

  it('do not respond to an initiation under another cluster secret', () => {
    const stranger = new HandshakeSide(1, { keys: new ClusterKeys(new Uint8Array(32).fill(2)) });
    expect(new HandshakeSide(2).handshakes.receive(stranger.initiate(), FROM_A, 0)).toEqual({
      type: 'refused',
      reason: 'badMac',
      reply: null,
      detail: null,
    });
  });

  it('do not respond to their own initiation', () => {
    const a = new HandshakeSide(1);
    expect(a.handshakes.receive(a.initiate(), FROM_A, 0)).toMatchObject({ reason: 'ownInitiation', reply: null });
  });

  it('limit the initiations of one source', () => {
    const b = new HandshakeSide(2);
    const reasons = Array.from(
      { length: SOURCE_BURST + 5 },
      (_, i) => b.handshakes.receive(new HandshakeSide(10 + i).initiate(), FROM_A, 0).type,
    );
    expect(reasons.filter((type) => type === 'reply')).toHaveLength(SOURCE_BURST);
    expect(b.handshakes.receive(new HandshakeSide(99).initiate(), FROM_B, 0).type).toBe('reply');
    expect(b.handshakes.receive(new HandshakeSide(98).initiate(), FROM_A, 1_000).type).toBe('reply');
  });

  it('ask for a cookie under load, and accept it only from the address it was sent to', () => {
    const b = new HandshakeSide(2);
    const initiation = new HandshakeSide(7).initiate();
    const { keys } = b.deps;
    const { noise } = readHandshake(initiation)!;
    for (let i = 0; i < UNDER_LOAD_PER_SECOND; i++) {
      const bytes = encodeHandshake({ type: 1, receiverIndex: 0, senderIndex: i, noise }, keys);
      b.handshakes.receive(bytes, parseSocketAddress(`10.0.0.${i}:1`), 0);
    }
    const a = new HandshakeSide(1);
    const index = a.handshakes.start(() => true, 0)!;
    const plain = a.handshakes.initiationFor(index, FROM_B, 0)!;
    const loaded = b.handshakes.receive(plain, FROM_A, 0);
    expect(loaded).toMatchObject({ type: 'refused', reason: 'underLoad' });
    const cookie = replyOf(loaded);
    expect(cookie).toHaveLength(COOKIE_DATAGRAM_BYTES);
    expect(a.handshakes.receive(new Uint8Array(cookie).fill(0, 16, 20), FROM_B, 1)).toMatchObject({
      reason: 'badCookie',
    });
    const again = replyOf(a.handshakes.receive(cookie, FROM_B, 1));
    expect(a.handshakes.initiationFor(index, FROM_B, 2)).toEqual(again);
    expect(b.handshakes.receive(again, parseSocketAddress('192.0.2.9:6785'), 1)).toMatchObject({ reason: 'underLoad' });
    expect(b.handshakes.receive(again, FROM_A, 1).type).toBe('reply');
    expect(b.handshakes.receive(new HandshakeSide(8).initiate(), FROM_A, 1_500).type).toBe('reply');
  });

  it('keep a bounded number of responder handshakes', () => {
    const b = new HandshakeSide(2);
    const initiation = new HandshakeSide(1).initiate();
    const { noise } = readHandshake(initiation)!;
    for (let i = 0; i < MAX_PENDING_RESPONSES + 10; i++) {
      const bytes = encodeHandshake({ type: 1, receiverIndex: 0, senderIndex: i, noise }, KEYS);
      b.handshakes.receive(bytes, parseSocketAddress(`10.0.${i >> 8}.${i & 255}:1`), i * 25);
    }
    expect(b.handshakes.pendingCount).toBe(MAX_PENDING_RESPONSES);
    expect(b.slots.count).toBe(MAX_PENDING_RESPONSES);
    b.handshakes.clear();
    expect(b.slots.count).toBe(0);
  });
});
