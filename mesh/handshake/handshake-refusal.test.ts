import { describe, expect, it } from '@jest/globals';
import { parseSocketAddress } from '../../common/address/socket-address.js';
import { encodeMsgpack } from '../../common/codec/msgpack.js';
import { TYPE_CONFIRMATION } from '../../common/wire/datagram-header.js';
import { readHandshake } from '../../common/wire/handshake-datagram.js';
import { signAdvert } from '../wire/advert.js';
import { NodeIdentity } from '../wire/identity.js';
import { ClusterSecrets } from '../wire/cluster-secrets.js';
import { encodePayload } from '../wire/handshake-payload.js';
import type { HandshakePayload } from '../wire/handshake-payload.js';
import {
  HANDSHAKE_LIFETIME_MS,
  MAX_PLACES_PER_ADDRESS,
  MAX_SESSION_SLOT,
  SOURCE_BURST,
  UNPROVEN_BURST,
} from '../limits.js';
import { FROM_A, FROM_B, HandshakeSide, replyOf, resealed, respondedOf } from '../testing/handshake-side.js';
import type { HandshakeRefusal } from './handshake-refusal.js';
import type { HandshakeOutcome } from './handshakes.js';

const LATE_MS = HANDSHAKE_LIFETIME_MS;
const NOISE_SEED = new Uint8Array(32).fill(5);

/** A node that initiates and one that responds, which know each other. */
class Pair {
  readonly a = new HandshakeSide(1);
  readonly b = new HandshakeSide(2);
  readonly initiation = this.met().a.initiate(this.b);

  met(): this {
    this.a.meet(this.b);
    return this;
  }

  toA(bytes: Uint8Array): HandshakeOutcome {
    return this.a.handshakes.receive(bytes, FROM_B, 1);
  }

  toB(bytes: Uint8Array, nowMs = 1): HandshakeOutcome {
    return this.b.handshakes.receive(bytes, FROM_A, nowMs);
  }

  response(): Uint8Array {
    return replyOf(this.toB(this.initiation));
  }

  confirmation(): Uint8Array {
    return respondedOf(this.toA(this.response())).confirmation;
  }

  /** A response of b with some fields of its payload replaced. */
  responseWith(fields: Partial<HandshakePayload>): Uint8Array {
    const { deps } = this.b;
    const good = { advert: deps.advert(), features: [], ciphers: deps.ciphers(), chosen: null, lastStamp: 0 };
    return this.b.forgeResponse(this.initiation, encodePayload({ ...good, ...fields }));
  }

  /** b responds to as many nodes that it does not know as it does at once. */
  load(): void {
    for (let i = 0; i < UNPROVEN_BURST; i++) {
      this.b.receiveWithCookie(new HandshakeSide(10 + i).initiate(), parseSocketAddress(`10.0.0.${i}:1`), 1);
    }
  }

  /** The cookie that b sends to a node that it does not know. */
  cookieFor(initiation: Uint8Array): Uint8Array {
    return replyOf(this.toB(initiation));
  }
}

const flipped = (bytes: Uint8Array): Uint8Array =>
  resealed(bytes, ({ noise }) => ({ noise: noise.map((byte, at) => (at === noise.length - 1 ? byte ^ 1 : byte)) }));
const cut = (bytes: Uint8Array): Uint8Array => resealed(bytes, ({ noise }) => ({ noise: noise.subarray(0, 20) }));

/** For each reason, what is received and refused. The mesh core finds the other two (`mesh.test.ts`). */
const SCENARIOS: Record<
  Exclude<HandshakeRefusal, 'unexpectedPeer' | 'ownIdentity'>,
  (pair: Pair) => HandshakeOutcome
> = {
  malformed: (pair) => pair.toB(new Uint8Array(40)),
  badMac: (pair) => {
    const stranger = new HandshakeSide(3, { clusterSecrets: new ClusterSecrets([new Uint8Array(32).fill(2)]) });
    return pair.toB(stranger.initiate());
  },
  ownInitiation: (pair) => pair.toA(pair.initiation),
  crossed: ({ a, b, initiation }) => {
    const [winner, loser] = a.identity.id < b.identity.id ? [a, b] : [b, a];
    const lost = winner === a ? loser.initiate(winner) : initiation;
    if (winner === b) winner.initiate(loser);
    return winner.handshakes.receive(lost, FROM_B, 1);
  },
  rateLimited: (pair) => {
    const stranger = new HandshakeSide(3);
    for (let i = 0; i < SOURCE_BURST; i++) pair.b.receiveWithCookie(stranger.initiate(), FROM_A);
    return pair.b.receiveWithCookie(stranger.initiate(), FROM_A);
  },
  replayed: (pair) => {
    pair.response();
    pair.b.handshakes.expire(LATE_MS + 1);
    return pair.toB(pair.initiation, LATE_MS + 1);
  },
  badProof: (pair) => {
    const other = new HandshakeSide(3);
    other.meet(pair.a);
    return pair.toB(pair.a.initiate(other));
  },
  needsCookie: (pair) => pair.toB(new HandshakeSide(3).initiate()),
  mustWait: (pair) => {
    const members = Array.from({ length: MAX_PLACES_PER_ADDRESS }, (_, i) => new HandshakeSide(10 + i));
    for (const member of members) member.meet(pair.b);
    for (const member of members) pair.toB(member.initiate(pair.b));
    return pair.toB(pair.initiation);
  },
  underLoad: (pair) => {
    pair.load();
    return pair.b.receiveWithCookie(new HandshakeSide(3).initiate(), FROM_A, 1);
  },
  noFreeSlot: (pair) => {
    for (let i = 0; i < MAX_SESSION_SLOT; i++) pair.b.slots.allocate();
    return pair.toB(pair.initiation);
  },
  otherProtocol: (pair) => pair.toB(pair.a.forgeInitiation({ prologue: 'heddle/1' })),
  unknownIndex: (pair) => pair.toA(resealed(pair.response(), () => ({ receiverIndex: 0xabcd }))),
  expired: (pair) => {
    const confirmation = pair.confirmation();
    pair.b.handshakes.expire(LATE_MS + 1);
    return pair.toB(confirmation);
  },
  superseded: (pair) => {
    pair.a.handshakes.clear();
    return pair.toA(pair.response());
  },
  duplicateResponse: (pair) => {
    pair.confirmation();
    return pair.toA(replyOf(new HandshakeSide(3).receiveWithCookie(pair.initiation, FROM_A, 1)));
  },
  badCookie: (pair) => pair.toA(new Uint8Array(pair.cookieFor(pair.a.initiate())).fill(0, 16, 20)),
  strayCookie: (pair) => pair.a.handshakes.receive(pair.cookieFor(pair.a.initiate()), FROM_A, 1),
  duplicateCookie: (pair) => {
    const cookie = pair.cookieFor(pair.a.initiate());
    pair.toA(cookie);
    return pair.toA(cookie);
  },
  tooShort: (pair) => pair.toA(cut(pair.response())),
  badKey: ({ a, b }) => b.receiveWithCookie(a.forgeInitiation({ publicKey: new Uint8Array(32) }), FROM_A),
  badResponseTag: (pair) => pair.toA(flipped(pair.response())),
  badConfirmationTag: (pair) => pair.toB(flipped(pair.confirmation())),
  badPayload: (pair) => pair.toA(pair.b.forgeResponse(pair.initiation, Uint8Array.of(0xc1))),
  otherVersion: (pair) => {
    const payload = encodeMsgpack([3, pair.b.deps.advert(), [], ['aes-256-gcm'], null, 0]);
    return pair.toA(pair.b.forgeResponse(pair.initiation, payload));
  },
  badAdvert: (pair) => pair.toA(pair.responseWith({ advert: Uint8Array.of(1) })),
  badSignature: (pair) => {
    const advert = new Uint8Array(pair.b.deps.advert());
    advert[advert.length - 1]! ^= 1;
    return pair.toA(pair.responseWith({ advert }));
  },
  otherStaticKey: (pair) => pair.toA(pair.responseWith({ advert: new HandshakeSide(3).deps.advert() })),
  noCommonCipher: (pair) => pair.toA(pair.responseWith({ ciphers: ['rot13'] })),
  otherCipher: ({ b }) => {
    const lists = [['aes-256-gcm'], ['chacha20-poly1305']] as const;
    let call = 0;
    const liar = new HandshakeSide(3, { ciphers: () => lists[call++ % 2]! });
    const response = replyOf(b.receiveWithCookie(liar.initiate(), FROM_A));
    return b.handshakes.receive(respondedOf(liar.handshakes.receive(response, FROM_B, 1)).confirmation, FROM_A, 2);
  },
  otherIdentity: ({ b }) => {
    const [said, used] = [6, 7].map((byte) => new NodeIdentity(new Uint8Array(32).fill(byte), NOISE_SEED));
    const self = { name: 'liar', version: '1', endpoints: [], podCidrs: [], podMtuBytes: null };
    const { bytes } = signAdvert(used!, self, { createdAtMs: 1, revision: 1, incarnation: 1, lowestStamp: 0 });
    const liar = new HandshakeSide(3, { identity: said!, advert: () => bytes });
    const response = replyOf(b.receiveWithCookie(liar.initiate(), FROM_A));
    return b.handshakes.receive(respondedOf(liar.handshakes.receive(response, FROM_B, 1)).confirmation, FROM_A, 2);
  },
};

describe('a handshake datagram', () => {
  it.each(Object.entries(SCENARIOS))('is refused as %s', (reason, scenario) => {
    expect(scenario(new Pair())).toMatchObject({ type: 'refused', reason });
  });

  it('that is refused sends nothing back, except a cookie to a node that is not known or must wait, and its version to one of another', () => {
    for (const [reason, scenario] of Object.entries(SCENARIOS)) {
      const outcome = scenario(new Pair());
      expect([reason, outcome.type === 'refused' && outcome.reply !== null]).toEqual([
        reason,
        ['needsCookie', 'mustWait', 'otherVersion'].includes(reason),
      ]);
    }
  });

  const ofResponses = [
    'tooShort',
    'badResponseTag',
    'badPayload',
    'otherVersion',
    'badAdvert',
    'badSignature',
    'otherStaticKey',
    'noCommonCipher',
  ] as const;
  it.each(ofResponses)('refused as %s leaves the handshake open for a good response', (reason) => {
    const pair = new Pair();
    SCENARIOS[reason](pair);
    expect(pair.toA(pair.response()).type).toBe('responded');
  });

  it.each([
    ['the fields of this version', (advert: Uint8Array) => [3, advert, [], ['aes-256-gcm'], null, 0]],
    ['other fields', () => [3, { members: 7 }]],
  ])('of another version with %s gets one confirmation, by which its sender learns the version', (_name, fieldsOf) => {
    const pair = new Pair();
    const payload = encodeMsgpack(fieldsOf(pair.b.deps.advert()));
    const response = pair.b.forgeResponse(pair.initiation, payload);
    const { reason, reply } = pair.toA(response) as Extract<HandshakeOutcome, { type: 'refused' }>;
    expect(reason).toBe('otherVersion');
    expect(readHandshake(reply!)?.type).toBe(TYPE_CONFIRMATION);
    expect(pair.toA(response)).toMatchObject({ reason: 'otherVersion', reply: null });
  });

  it('says what was found and expected only when its sender knows the cluster secret', () => {
    const { detail } = SCENARIOS.otherVersion(new Pair()) as Extract<HandshakeOutcome, { type: 'refused' }>;
    expect(detail).toBe('the peer speaks protocol version 3, this node 2; run the same version of Heddle on both');
    expect(SCENARIOS.badMac(new Pair())).toMatchObject({ detail: null });
  });
});
