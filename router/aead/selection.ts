/**
 * Selection of the AEAD engine: the fastest on this machine of the OpenSSL inside Node and, where the host has it, Intel's
 * multi-buffer library (one call per unit, wide vector AES). An engine is used only after its self-test against
 * `node:crypto`.
 */
import { HeddleError } from '../../common/errors.js';
import type { CipherName, EngineStatus } from '../../common/router-port.js';
import type { AeadEngine } from './aead.js';
import { KEY_BYTES } from './aead.js';
import { TYPE_DATA } from '../../common/wire/datagram-header.js';
import { TAG_BYTES } from '../../common/wire/sealed-unit.js';
import { referenceSeal } from './reference-seal.js';
import { createIpsecMbEngine, hasVectorAes, IPSEC_MB_PACKAGE, isIpsecMb } from './ipsec-mb.js';
import { processorFlags } from '../kernel/processor.js';
import { createOpensslEngine } from './openssl.js';
import { sealNsPerKiB } from './engine-speed.js';
import type { Arena } from '../kernel/arena.js';

/**
 * Slower than this is an engine that leaves the processor's vector AES unused: with it both libipsec-mb and OpenSSL 3.5 take
 * 45 to 75 ns, OpenSSL 3.0 takes 230 (`docs/measurements.md`).
 */
const SLOW_NS_PER_KIB = 110;

/** An engine that passed its self-test, and its speed on this machine. */
export interface MeasuredEngine {
  readonly engine: AeadEngine;
  /** Of AES-256-GCM. */
  readonly sealNsPerKiB: number;
}

/** Nanoseconds to seal 1024 bytes, by the engine's name. */
export type EngineSpeeds = Readonly<Record<string, number>>;

/**
 * The engines of this machine, the fastest first. Each is tested, and measured unless its speed is known. Throws
 * PLATFORM_UNSUPPORTED when OpenSSL fails its self-test.
 */
export function measureAeadEngines(
  arena: Arena,
  known: EngineSpeeds = {},
): readonly [MeasuredEngine, ...MeasuredEngine[]] {
  const openssl = createOpensslEngine(arena);
  if (!selfTest(openssl, arena, 'aes-256-gcm') || !selfTest(openssl, arena, 'chacha20-poly1305')) {
    throw new HeddleError('PLATFORM_UNSUPPORTED', 'the OpenSSL of this Node does not seal as node:crypto does');
  }
  const ipsecMb = createIpsecMbEngine(arena, openssl);
  const measure = (engine: AeadEngine): MeasuredEngine => ({
    engine,
    sealNsPerKiB: known[engine.name] ?? sealNsPerKiB(engine, arena),
  });
  const measured = measure(openssl);
  if (ipsecMb === null || !selfTest(ipsecMb, arena, 'aes-256-gcm')) return [measured];
  const other = measure(ipsecMb);
  return other.sealNsPerKiB < measured.sealNsPerKiB ? [other, measured] : [measured, other];
}

/** For the log, the agent and its users. `flags` are those of the processor. */
export function engineStatus({ engine, sealNsPerKiB }: MeasuredEngine, flags = processorFlags()): EngineStatus {
  const couldBeFaster = sealNsPerKiB > SLOW_NS_PER_KIB && hasVectorAes(flags) && !isIpsecMb(engine);
  return { name: engine.name, sealNsPerKiB, fasterPackage: couldBeFaster ? IPSEC_MB_PACKAGE : null };
}

/** Seals and opens units of several sizes and compares with `node:crypto`; a changed byte must not open. */
export function selfTest(engine: AeadEngine, arena: Arena, cipher: CipherName): boolean {
  const key = Uint8Array.from({ length: KEY_BYTES }, (_, i) => i * 7 + 1);
  const salt = Uint8Array.of(9, 8, 7, 6);
  const sealing = engine.sealingKey(cipher, key, salt);
  const opening = engine.openingKey(cipher, key, salt);
  const unit = arena.allocate(8 + 2048 + TAG_BYTES) + 8;
  let good = true;
  for (const [counter, length] of [1, 16, 64, 333, 1400, 2000].entries()) {
    const plain = Uint8Array.from({ length }, (_, i) => i * 3 + counter);
    arena.u8.set(plain, unit);
    const binding = { counter, type: TYPE_DATA, lane: 0, fragments: 1 };
    sealing.seal(unit, length, binding);
    const expected = referenceSeal(cipher, key, salt, plain, binding);
    good &&= Buffer.compare(expected, arena.u8.subarray(unit, unit + length + TAG_BYTES)) === 0;
    good &&= opening.open(unit, length, binding);
    good &&= Buffer.compare(plain, arena.u8.subarray(unit, unit + length)) === 0;
    arena.u8.set(expected, unit);
    arena.u8[unit] = (arena.u8[unit] ?? 0) ^ 1;
    good &&= !opening.open(unit, length, binding);
  }
  sealing.destroy();
  opening.destroy();
  return good;
}
