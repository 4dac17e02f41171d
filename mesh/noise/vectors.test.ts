import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { x25519KeyPair } from '../wire/curve-keys.js';
import { HandshakeState } from './handshake-state.js';
import type { HandshakeOptions } from './handshake-state.js';
import { GOLDEN_XXPSK3 } from '../testing/noise-golden-vector.js';

interface Vector {
  protocol_name: string;
  init_prologue: string;
  init_psks?: string[];
  init_static?: string;
  init_ephemeral: string;
  init_remote_static?: string;
  resp_prologue: string;
  resp_psks?: string[];
  resp_static?: string;
  resp_ephemeral?: string;
  resp_remote_static?: string;
  handshake_hash?: string;
  messages: { payload: string; ciphertext: string }[];
}

const VECTOR_DIR = fileURLToPath(new URL('../../../shared/vectors/noise/', import.meta.url));
const hex = (text: string) => new Uint8Array(Buffer.from(text, 'hex'));

function sideOf(vector: Vector, side: 'init' | 'resp'): HandshakeState {
  const staticSeed = vector[`${side}_static`];
  const remoteStatic = vector[`${side}_remote_static`];
  const options: HandshakeOptions = {
    protocolName: vector.protocol_name,
    initiator: side === 'init',
    prologue: hex(vector[`${side}_prologue`]),
    psks: (vector[`${side}_psks`] ?? []).map(hex),
    generateEphemeral: () => x25519KeyPair(hex(vector[`${side}_ephemeral`] ?? '')),
    ...(staticSeed === undefined ? {} : { staticKeys: x25519KeyPair(hex(staticSeed)) }),
    ...(remoteStatic === undefined ? {} : { remoteStatic: hex(remoteStatic) }),
  };
  return new HandshakeState(options);
}

/** Runs the handshake and the transport messages; the ciphertexts that were made and whether all payloads came out. */
function run(vector: Vector): { ciphertexts: string[]; payloads: string[]; hash: string } {
  const sides = [sideOf(vector, 'init'), sideOf(vector, 'resp')] as const;
  const out = { ciphertexts: [] as string[], payloads: [] as string[], hash: '' };
  const ad = new Uint8Array(0);
  let transports: ReturnType<HandshakeState['split']>[] | null = null;
  const oneWay = /^Noise_[NKX](psk\d)?_/.test(vector.protocol_name);
  vector.messages.forEach(({ payload }, index) => {
    const from = oneWay && transports !== null ? 0 : index % 2;
    const message =
      transports === null ? sides[from]!.writeMessage(hex(payload)) : transports[from]!.send.encrypt(ad, hex(payload));
    const read =
      transports === null ? sides[1 - from]!.readMessage(message) : transports[1 - from]!.receive.decrypt(ad, message);
    out.ciphertexts.push(Buffer.from(message).toString('hex'));
    out.payloads.push(Buffer.from(read).toString('hex'));
    if (transports === null && sides[0].finished) transports = sides.map((side) => side.split());
  });
  out.hash = Buffer.from(sides[0].handshakeHash).toString('hex');
  return out;
}

function check(vector: Vector): void {
  const result = run(vector);
  expect(result.ciphertexts).toEqual(vector.messages.map((message) => message.ciphertext));
  expect(result.payloads).toEqual(vector.messages.map((message) => message.payload));
  if (vector.handshake_hash !== undefined) expect(result.hash).toBe(vector.handshake_hash);
}

describe('Noise against recorded handshakes', () => {
  it('repeats the golden handshake of the protocol that production uses', () => {
    check(GOLDEN_XXPSK3);
  });

  for (const file of ['cacophony.json', 'snow.json']) {
    const path = `${VECTOR_DIR}${file}`;
    if (!existsSync(path)) {
      it.skip(`repeats every 25519 vector of ${file} (skipped: ../shared/vectors/noise is not beside this checkout)`, () => {});
      continue;
    }
    const all = (JSON.parse(readFileSync(path, 'utf8')) as { vectors: Vector[] }).vectors;
    const vectors = all.filter((vector) => vector.protocol_name.includes('_25519_'));
    it(`repeats all ${vectors.length} 25519 vectors of ${file}`, () => {
      expect(vectors.length).toBeGreaterThan(100);
      for (const vector of vectors) check(vector);
    });
  }
});
