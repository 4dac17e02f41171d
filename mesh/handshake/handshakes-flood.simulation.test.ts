import { describe, expect, it } from '@jest/globals';
import { formatSocketAddress, parseSocketAddress } from '../../common/address/socket-address.js';
import { encodeHandshake, readHandshake } from '../../common/wire/handshake-datagram.js';
import { MAX_PENDING_RESPONSES, READ_BURST, UNPROVEN_BURST } from '../limits.js';
import { FROM_A, FROM_B, HandshakeSide, KEYS, resealed } from '../testing/handshake-side.js';

describe('handshakes in a flood', () => {
  it('go on between members while 400 nodes a second that are not known complete handshakes', () => {
    const [a, b] = [new HandshakeSide(1), new HandshakeSide(2)];
    a.meet(b);
    for (let i = 0; i < 400; i++) {
      b.receiveWithCookie(new HandshakeSide(10 + i).initiate(), parseSocketAddress(`10.0.${i >> 8}.${i & 255}:1`), i);
    }
    expect(b.handshakes.pendingCount).toBeLessThan(UNPROVEN_BURST + 10);
    expect(b.handshakes.receive(a.initiate(b, 400), FROM_A, 400).type).toBe('responds');
  });

  it('of one address are read at most 200 at once and 100 a second, whoever sends them; the others get a cookie', () => {
    const [a, b] = [new HandshakeSide(1), new HandshakeSide(2)];
    a.meet(b);
    const initiations = [a.initiate(), a.initiate(b), new HandshakeSide(3).initiate()];
    const refusals = Array.from({ length: 1000 }, (_, senderIndex) => {
      const outcome = b.handshakes.receive(
        resealed(initiations[senderIndex % 3]!, () => ({ senderIndex })),
        FROM_A,
        0,
      );
      return outcome.type === 'refused' ? outcome.detail : null;
    });
    const unread = refusals.filter((detail) => detail?.includes('initiations a second come from one address'));
    expect(unread).toHaveLength(1000 - READ_BURST);
    expect(b.handshakes.receive(a.initiate(b), FROM_B, 0).type).toBe('responds');
    expect(b.handshakes.receive(a.initiate(b), FROM_A, 1_000).type).toBe('responds');
  });

  it.each([90, 1000])('from the address of a node that is not known, %i of them, do not keep it out', (count) => {
    const [b, stranger] = [new HandshakeSide(2), new HandshakeSide(3)];
    const initiation = new HandshakeSide(1).initiate();
    for (let senderIndex = 0; senderIndex < count; senderIndex++) {
      const outcome = b.handshakes.receive(
        resealed(initiation, () => ({ senderIndex })),
        FROM_A,
        0,
      );
      expect(outcome.type).toBe('refused');
    }
    expect(b.receiveWithCookie(stranger.initiate(), FROM_A, 1).type).toBe('responds');
  });

  it('from others behind the address of a member, with cookies, do not keep the member out', () => {
    const b = new HandshakeSide(2, { memberAddresses: () => new Set([FROM_A.ip, formatSocketAddress(FROM_A)]) });
    const [a, pod] = [new HandshakeSide(1), new HandshakeSide(3)];
    a.meet(b);
    const initiation = pod.initiate();
    for (let i = 0; i < 1000; i++) {
      b.receiveWithCookie(
        resealed(initiation, () => ({ senderIndex: i })),
        { ...FROM_A, port: 10_000 + (i % 50) },
        0,
      );
    }
    expect(b.receiveWithCookie(a.initiate(b), FROM_A, 1).type).toBe('responds');
  });

  it('keep a bounded number of responder handshakes', () => {
    const b = new HandshakeSide(2);
    const initiation = new HandshakeSide(1).initiate();
    const { noise } = readHandshake(initiation)!;
    for (let i = 0; i < MAX_PENDING_RESPONSES + 10; i++) {
      const bytes = encodeHandshake({ type: 1, receiverIndex: 0, senderIndex: i, noise }, KEYS);
      b.receiveWithCookie(bytes, parseSocketAddress(`10.0.${i >> 8}.${i & 255}:1`), i * 50);
    }
    expect(b.handshakes.pendingCount).toBe(MAX_PENDING_RESPONSES);
    expect(b.slots.count).toBe(MAX_PENDING_RESPONSES);
    b.handshakes.clear();
    expect(b.slots.count).toBe(0);
  });
});
