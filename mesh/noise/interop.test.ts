import { createRequire } from 'node:module';
import { describe, expect, it } from '@jest/globals';
import { x25519KeyPair } from '../wire/curve-keys.js';
import { HandshakeState } from './handshake-state.js';

/** The part of the `noise-protocol` package (libsodium) that is used here; it comes without types. */
interface NoiseProtocol {
  initialize(pattern: 'XX', initiator: boolean, prologue: Buffer, staticKeys: object): object;
  writeMessage: ((state: object, payload: Buffer, out: Buffer) => Split | undefined) & { bytes: number };
  readMessage: ((state: object, message: Buffer, out: Buffer) => Split | undefined) & { bytes: number };
  keygen(): object;
}
interface Split {
  tx: Buffer;
  rx: Buffer;
}

const noise = createRequire(import.meta.url)('noise-protocol') as NoiseProtocol;
const PROLOGUE = Buffer.from('interop');
const PAYLOADS = ['one', 'the second payload', ''];
const hex = (bytes: Uint8Array) => Buffer.from(bytes.subarray(0, 32)).toString('hex');

function ours(initiator: boolean): HandshakeState {
  let seed = 40;
  return new HandshakeState({
    protocolName: 'Noise_XX_25519_ChaChaPoly_BLAKE2b',
    initiator,
    prologue: PROLOGUE,
    staticKeys: x25519KeyPair(Buffer.alloc(32, 3)),
    generateEphemeral: () => x25519KeyPair(Buffer.alloc(32, seed++)),
  });
}

describe('Noise with the noise-protocol package', () => {
  it.each([true, false])('shakes hands, payloads and keys alike (we initiate: %s)', (weInitiate) => {
    const mine = ours(weInitiate);
    const theirs = noise.initialize('XX', !weInitiate, PROLOGUE, noise.keygen());
    let split: Split | undefined;
    PAYLOADS.forEach((text, index) => {
      const out = Buffer.alloc(1024);
      if ((index % 2 === 0) === weInitiate) {
        split = noise.readMessage(theirs, Buffer.from(mine.writeMessage(Buffer.from(text))), out) ?? split;
        expect(out.subarray(0, noise.readMessage.bytes).toString()).toBe(text);
      } else {
        split = noise.writeMessage(theirs, Buffer.from(text), out) ?? split;
        expect(Buffer.from(mine.readMessage(out.subarray(0, noise.writeMessage.bytes))).toString()).toBe(text);
      }
    });
    const transport = mine.split();
    expect(hex(transport.send.key)).toBe(hex(split!.rx));
    expect(hex(transport.receive.key)).toBe(hex(split!.tx));
  });
});
