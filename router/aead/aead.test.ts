import { describe, expect, it } from '@jest/globals';
import { MAX_PEERS } from '../../common/protocol.js';
import { SALT_BYTES, TAG_BYTES } from '../../common/wire/sealed-unit.js';
import { MAX_EXPANDED_KEYS } from '../limits.js';
import { KEY_BYTES, laneKey } from './aead.js';
import { createIpsecMbEngine, implementationFor } from './ipsec-mb.js';
import { createOpensslEngine } from './openssl.js';
import { referenceSeal } from './reference-seal.js';
import { engineStatus, measureAeadEngines, selfTest } from './selection.js';
import { Arena } from '../kernel/arena.js';

const arena = new Arena(32 << 20);
const openssl = createOpensslEngine(arena);

describe('the AEAD engines', () => {
  it('seal with OpenSSL exactly as node:crypto does, for both ciphers', () => {
    expect(selfTest(openssl, arena, 'aes-256-gcm')).toBe(true);
    expect(selfTest(openssl, arena, 'chacha20-poly1305')).toBe(true);
  });

  it('seal with the multi-buffer library as node:crypto does, where the host has it', () => {
    const engine = createIpsecMbEngine(arena, openssl);
    if (engine === null) return expect(measureAeadEngines(arena)[0].engine.name).toBe('openssl');
    expect(selfTest(engine, arena, 'aes-256-gcm')).toBe(true);
  });

  it('bind type, lane, fragment count and counter to the unit', () => {
    const engine = measureAeadEngines(arena)[0].engine;
    const { key, salt } = laneKey(new Uint8Array(32).fill(3), 0);
    const unit = arena.allocate(256) + 8;
    const plain = Uint8Array.from({ length: 100 }, (_, i) => i);
    const sealed = referenceSeal('aes-256-gcm', key, salt, plain, { counter: 7, type: 5, lane: 1, fragments: 2 });
    const opening = engine.openingKey('aes-256-gcm', key, salt);
    const open = (counter: number, type: number, lane: number, fragments: number) => {
      arena.u8.set(sealed, unit);
      return opening.open(unit, plain.length, { counter, type, lane, fragments });
    };
    expect(open(7, 5, 1, 2)).toBe(true);
    expect(open(8, 5, 1, 2)).toBe(false);
    expect(open(7 + 2 ** 32, 5, 1, 2)).toBe(false);
    expect(open(7 + 2 ** 40, 5, 1, 2)).toBe(false);
    expect(open(7, 6, 1, 2)).toBe(false);
    expect(open(7, 5, 0, 2)).toBe(false);
    expect(open(7, 5, 1, 3)).toBe(false);
  });

  it.each(['aes-256-gcm', 'chacha20-poly1305'] as const)('seal %s from the counter on that is given', (cipher) => {
    const { key, salt } = laneKey(new Uint8Array(32).fill(3), 0);
    const unit = arena.allocate(256) + 8;
    const plain = Uint8Array.from({ length: 100 }, (_, i) => i);
    for (const engine of [openssl, measureAeadEngines(arena)[0].engine]) {
      const sealing = engine.sealingKey(cipher, key, salt, 2 ** 33 + 5);
      for (const counter of [2 ** 33 + 5, 2 ** 33 + 6]) {
        const binding = { counter, type: 5, lane: 0, fragments: 1 };
        arena.u8.set(plain, unit);
        sealing.seal(unit, plain.length, binding);
        const sealed = arena.u8.slice(unit, unit + plain.length + TAG_BYTES);
        expect(sealed).toEqual(Uint8Array.from(referenceSeal(cipher, key, salt, plain, binding)));
      }
      sealing.destroy();
    }
  });

  it('give every lane its own key and salt', () => {
    const base = new Uint8Array(32).fill(1);
    expect(laneKey(base, 0).key).not.toEqual(laneKey(base, 1).key);
    expect(laneKey(base, 0).salt).not.toEqual(laneKey(base, 1).salt);
  });

  it('are measured, and the fastest is taken', () => {
    const engines = measureAeadEngines(arena);
    expect(engines.every(({ sealNsPerKiB }) => sealNsPerKiB > 5 && sealNsPerKiB < 1e6)).toBe(true);
    expect(engines.map(({ sealNsPerKiB }) => sealNsPerKiB)).toEqual(
      engines.map(({ sealNsPerKiB }) => sealNsPerKiB).sort((a, b) => a - b),
    );
  });

  it('are not measured when an earlier router kept their speeds', () => {
    const known = Object.fromEntries(measureAeadEngines(arena).map(({ engine }, i) => [engine.name, 1e9 - i]));
    const engines = measureAeadEngines(arena, known);
    expect(Object.fromEntries(engines.map(({ engine, sealNsPerKiB }) => [engine.name, sealNsPerKiB]))).toEqual(known);
  });

  it('name the package to install only for a slow engine on a processor with vector AES', () => {
    const vector = new Set(['aes', 'vaes', 'vpclmulqdq']);
    const packageOf = (sealNsPerKiB: number, flags: ReadonlySet<string>) =>
      engineStatus({ engine: openssl, sealNsPerKiB }, flags).fasterPackage;
    expect(packageOf(230, vector)).toBe('libipsec-mb1');
    expect(packageOf(50, vector)).toBeNull();
    expect(packageOf(230, new Set(['aes']))).toBeNull();
  });

  it('pick an implementation by the flags of the processor', () => {
    expect(implementationFor(new Set(['aes', 'pclmulqdq', 'avx2']))).toBe('avx_gen4');
    expect(implementationFor(new Set(['aes']))).toBeNull();
  });
});

describe('the pool of expanded keys', () => {
  const engine = measureAeadEngines(arena)[0].engine;
  const at = arena.allocate(256) + 8;
  const pooled = engine.name.startsWith('ipsec-mb');
  const withLibrary = pooled ? it : it.skip;

  withLibrary(
    `holds the keys of a router with ${MAX_PEERS} peers${pooled ? '' : ' (skipped: no libIPSec_MB here)'}`,
    () => {
      const key = new Uint8Array(KEY_BYTES).fill(3);
      const salt = new Uint8Array(SALT_BYTES);
      const keys = Array.from({ length: MAX_EXPANDED_KEYS }, () => engine.sealingKey('aes-256-gcm', key, salt));
      expect(engine.refusedKeys).toBe(0);
      const unit = { counter: 0, type: 5, lane: 0, fragments: 1 };
      const plain = new Uint8Array(40).fill(7);
      const sealed = [keys[0]!, keys.at(-1)!, engine.sealingKey('aes-256-gcm', key, salt)].map((sealing) => {
        arena.u8.set(plain, at);
        sealing.seal(at, plain.length, unit);
        return Buffer.from(arena.u8.slice(at, at + plain.length + TAG_BYTES)).toString('hex');
      });
      const expected = Buffer.from(referenceSeal('aes-256-gcm', key, salt, plain, unit)).toString('hex');
      expect(sealed).toEqual([expected, expected, expected]);
      expect(engine.refusedKeys).toBe(1);
      keys.forEach((used) => used.destroy());
      engine.sealingKey('aes-256-gcm', key, salt).destroy();
      expect(engine.refusedKeys).toBe(1);
    },
  );
});
