import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { fuzzRuns } from '../../test/fuzz/fuzz-runs.js';
import { HandshakeError } from '../../common/errors.js';
import { x25519, x25519KeyPair } from '../wire/curve-keys.js';
import { HandshakeState } from './handshake-state.js';
import { patternOf } from './patterns.js';

const EMPTY = new Uint8Array(0);

function pair(psks = [7, 7], names = ['XXpsk3', 'XXpsk3']): [HandshakeState, HandshakeState] {
  const side = (index: 0 | 1) =>
    new HandshakeState({
      protocolName: `Noise_${names[index]}_25519_ChaChaPoly_BLAKE2s`,
      initiator: index === 0,
      prologue: EMPTY,
      staticKeys: x25519KeyPair(Buffer.alloc(32, index + 1)),
      psks: [Buffer.alloc(32, psks[index])],
      generateEphemeral: () => x25519KeyPair(Buffer.alloc(32, index + 11)),
    });
  return [side(0), side(1)];
}

describe('a handshake state', () => {
  it('is as it was after any forged message, at every step', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(1000), fc.integer({ min: 1, max: 255 })), { minLength: 3, maxLength: 3 }),
        (flips) => {
          const sides = pair();
          flips.forEach(([at, flip], index) => {
            const message = sides[index % 2]!.writeMessage(Buffer.from('payload'));
            const reader = sides[1 - (index % 2)]!;
            const before = Buffer.from(reader.handshakeHash);
            const forged = new Uint8Array(message);
            forged[at % forged.length]! ^= flip;
            for (const bad of [forged, message.subarray(0, at % message.length), EMPTY]) {
              expect(() => reader.readMessage(bad)).toThrow(HandshakeError);
              expect(Buffer.from(reader.handshakeHash).equals(before)).toBe(true);
            }
            expect(Buffer.from(reader.readMessage(message)).toString()).toBe('payload');
          });
          expect(sides[0].split().send.key).toEqual(sides[1].split().receive.key);
        },
      ),
      { numRuns: fuzzRuns(4) },
    );
  });

  it('does not finish with another PSK', () => {
    const [initiator, responder] = pair([7, 8]);
    responder.readMessage(initiator.writeMessage(EMPTY));
    initiator.readMessage(responder.writeMessage(EMPTY));
    expect(() => responder.readMessage(initiator.writeMessage(EMPTY))).toThrow(HandshakeError);
  });

  it('refuses messages out of turn', () => {
    const [initiator, responder] = pair();
    expect(() => responder.writeMessage(EMPTY)).toThrow('in turn');
    expect(() => initiator.readMessage(EMPTY)).toThrow('in turn');
  });

  it('restores the state of a checkpoint', () => {
    const [initiator, responder] = pair();
    responder.readMessage(initiator.writeMessage(EMPTY));
    const answer = responder.writeMessage(Buffer.from('hello'));
    const undo = initiator.checkpoint();
    initiator.readMessage(answer);
    undo();
    expect(initiator.remoteStatic).toBeNull();
    expect(Buffer.from(initiator.readMessage(answer)).toString()).toBe('hello');
  });
});

describe('names', () => {
  it('of unknown patterns, curves, ciphers and hashes are refused', () => {
    for (const name of ['ZZ', 'XXpsk9', 'XXfallback', 'xx', 'XXpsk1+', ''])
      expect(() => patternOf(name)).toThrow('pattern');
    const build = (protocolName: string) =>
      new HandshakeState({
        protocolName,
        initiator: true,
        prologue: EMPTY,
        generateEphemeral: () => x25519KeyPair(EMPTY),
      });
    for (const name of [
      'Noise_XX_448_ChaChaPoly_BLAKE2s',
      'Noise_XX_25519_DES_BLAKE2s',
      'Noise_XX_25519_AESGCM_MD5',
      'XX',
    ]) {
      expect(() => build(name)).toThrow(`"${name}"`);
    }
  });
});

describe('X25519', () => {
  it('refuses low-order points', () => {
    const { privateKey } = x25519KeyPair(Buffer.alloc(32, 5));
    for (const point of [Buffer.alloc(32), Buffer.concat([Buffer.of(1), Buffer.alloc(31)])]) {
      expect(() => x25519(privateKey, point)).toThrow(HandshakeError);
    }
  });
});
