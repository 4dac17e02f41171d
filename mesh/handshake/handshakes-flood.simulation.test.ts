import { describe, expect, it } from '@jest/globals';
import { parseSocketAddress } from '../../common/address/socket-address.js';
import { encodeHandshake, readHandshake } from '../../common/wire/handshake-datagram.js';
import { MAX_PENDING_RESPONSES, UNPROVEN_BURST } from '../limits.js';
import { FROM_A, HandshakeSide, KEYS } from '../testing/handshake-side.js';

describe('handshakes in a flood', () => {
  it('go on between members while 400 nodes a second that are not known complete handshakes', () => {
    const [a, b] = [new HandshakeSide(1), new HandshakeSide(2)];
    a.meet(b);
    for (let i = 0; i < 400; i++) {
      b.receiveWithCookie(new HandshakeSide(10 + i).initiate(), parseSocketAddress(`10.0.${i >> 8}.${i & 255}:1`), i);
    }
    expect(b.handshakes.pendingCount).toBeLessThan(UNPROVEN_BURST + 10);
    expect(b.handshakes.receive(a.initiate(b, 400), FROM_A, 400).type).toBe('reply');
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
