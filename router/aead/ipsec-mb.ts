/**
 * AEAD engine over Intel's multi-buffer crypto library (Debian package `libipsec-mb1`), used when the host has it: one call
 * per unit, with vector AES where the processor has it (`docs/measurements.md`). AES-256-GCM only; keys of ChaCha20-Poly1305,
 * and keys beyond the pool, are those of the engine given as `fallback`.
 */
import type { AeadEngine, OpeningKey, SealingKey } from './aead.js';
import { AAD_BYTES, SALT_BYTES, TAG_BYTES, writeAssociatedData } from '../../common/wire/sealed-unit.js';
import type { UnitBinding } from '../../common/wire/sealed-unit.js';
import type { CipherName } from '../../common/router-port.js';
import { Arena } from '../kernel/arena.js';
import { MAX_EXPANDED_KEYS } from '../limits.js';
import { ADDRESS, loadOptionalLibrary } from '../kernel/ffi.js';
import type { OptionalLibrary } from '../kernel/ffi.js';
import { processorFlags } from '../kernel/processor.js';

const SONAME = 'libIPSec_MB.so.1';
/** The library's package in Debian and Ubuntu. */
export const IPSEC_MB_PACKAGE = 'libipsec-mb1';
/** struct gcm_key_data and gcm_context_data, with room for later versions (1.3: 1024 and 88 bytes), aligned to 64. */
const KEY_DATA_BYTES = 2048;
const CONTEXT_BYTES = 256;
/** Implementations in order of preference, and the processor flags each needs. */
const IMPLEMENTATIONS = [
  { suffix: 'vaes_avx512', flags: ['vaes', 'vpclmulqdq', 'avx512f', 'avx512dq', 'avx512bw', 'avx512vl'] },
  { suffix: 'avx_gen4', flags: ['aes', 'pclmulqdq', 'avx2'] },
] as const;

/** Null when the library, or an implementation for this processor, is missing. */
export function createIpsecMbEngine(arena: Arena, fallback: AeadEngine): AeadEngine | null {
  const suffix = implementationFor(processorFlags());
  const { library } = loadOptionalLibrary(SONAME);
  if (suffix === null || library === null) return null;
  const calls = bind(library, suffix);
  if (calls === null) return null;
  return new IpsecMbEngine(arena, calls, `ipsec-mb/${suffix}`, fallback);
}

class IpsecMbEngine implements AeadEngine {
  refusedKeys = 0;
  readonly #pool = new KeyPool();
  readonly #scratch: number;
  readonly #context: number;

  constructor(
    private readonly arena: Arena,
    private readonly calls: Calls,
    readonly name: string,
    private readonly fallback: AeadEngine,
  ) {
    this.#scratch = arena.allocate(128);
    this.#context = arena.allocate(CONTEXT_BYTES);
  }

  sealingKey(cipher: CipherName, key: Uint8Array, salt: Uint8Array, firstCounter?: number): SealingKey {
    return this.#expand(cipher, key, salt) ?? this.fallback.sealingKey(cipher, key, salt, firstCounter);
  }

  openingKey(cipher: CipherName, key: Uint8Array, salt: Uint8Array): OpeningKey {
    return this.#expand(cipher, key, salt) ?? this.fallback.openingKey(cipher, key, salt);
  }

  /** Null for the other cipher, and when the pool is exhausted. */
  #expand(cipher: CipherName, key: Uint8Array, salt: Uint8Array): IpsecMbKey | null {
    if (cipher !== 'aes-256-gcm') return null;
    const data = this.#pool.take();
    if (data === null) {
      this.refusedKeys++;
      return null;
    }
    const { arena, calls } = this;
    const keyAt = arena.placeSecret(key);
    calls.expandKey(arena.base + keyAt, data);
    arena.eraseSecret(keyAt, key.length);
    return new IpsecMbKey(arena, calls, this.#pool, data, salt, this.#scratch, this.#context);
  }
}

/** A key in use; `data` is the address of its slot. */
class IpsecMbKey implements SealingKey, OpeningKey {
  constructor(
    private readonly arena: Arena,
    private readonly calls: Calls,
    private readonly pool: KeyPool,
    private readonly data: number,
    private readonly salt: Uint8Array,
    private readonly scratch: number,
    private readonly context: number,
  ) {}

  seal(at: number, length: number, unit: UnitBinding): void {
    this.#crypt(this.calls.seal, at, length, at + length, unit);
  }

  open(at: number, length: number, unit: UnitBinding): boolean {
    const tag = this.scratch + TAG_OFFSET;
    this.#crypt(this.calls.open, at, length, tag, unit);
    return sameTag(this.arena.u32, this.arena.u8, tag, at + length);
  }

  destroy(): void {
    this.pool.give(this.data);
  }

  #crypt(call: CryptCall, at: number, length: number, tag: number, unit: UnitBinding): void {
    const { base, u8 } = this.arena;
    const aad = this.scratch + AAD_OFFSET;
    writeAssociatedData(u8, aad, unit, length);
    // The nonce: the salt, and the first 8 bytes of the associated data.
    for (let i = 0; i < SALT_BYTES; i++) u8[this.scratch + i] = this.salt[i]!;
    for (let i = 0; i < 8; i++) u8[this.scratch + SALT_BYTES + i] = u8[aad + i]!;
    call(
      this.data,
      base + this.context,
      base + at,
      base + at,
      length,
      base + this.scratch,
      base + aad,
      AAD_BYTES,
      base + tag,
      TAG_BYTES,
    );
  }
}

/** Scratch layout: nonce (12 bytes), associated data, computed tag. */
const AAD_OFFSET = 16;
const TAG_OFFSET = 32;

/** Compares without an early exit. `computed` is 4-byte aligned, `received` is anywhere. */
function sameTag(u32: Uint32Array, u8: Uint8Array, computed: number, received: number): boolean {
  let difference = 0;
  for (let i = 0; i < TAG_BYTES; i++) difference |= u8[computed + i]! ^ u8[received + i]!;
  u32.fill(0, computed >>> 2, (computed + TAG_BYTES) >>> 2);
  return difference === 0;
}

/**
 * Memory of expanded keys, for as many as a router of MAX_PEERS may need. The kernel backs it with pages as they are first
 * written: slots are handed out from the start on, freed ones first. Bounded by MAX_EXPANDED_KEYS.
 */
class KeyPool {
  readonly #memory = new Arena(KEY_DATA_BYTES * (MAX_EXPANDED_KEYS + 1));
  /** Addresses of slots that were given back. */
  readonly #free: number[] = [];
  /** Slots that were ever handed out. */
  #used = 0;

  /** The address of a slot, or null when all are taken. */
  take(): number | null {
    const freed = this.#free.pop();
    if (freed !== undefined) return freed;
    if (this.#used === MAX_EXPANDED_KEYS) return null;
    this.#used++;
    return this.#memory.base + this.#memory.allocate(KEY_DATA_BYTES);
  }

  /** Takes a slot back and overwrites it. */
  give(address: number): void {
    const at = address - this.#memory.base;
    this.#memory.u8.fill(0, at, at + KEY_DATA_BYTES);
    this.#free.push(address);
  }
}

interface Calls {
  expandKey(key: number, data: number): number;
  seal: CryptCall;
  open: CryptCall;
}

type CryptCall = (
  key: number,
  context: number,
  out: number,
  input: number,
  length: number,
  nonce: number,
  aad: number,
  aadLength: number,
  tag: number,
  tagLength: number,
) => number;

function bind(library: OptionalLibrary, suffix: string): Calls | null {
  const crypt = [ADDRESS, ADDRESS, ADDRESS, ADDRESS, 'uint64_t', ADDRESS, ADDRESS, 'uint64_t', ADDRESS, 'uint64_t'];
  try {
    return {
      expandKey: library.func(`aes_gcm_pre_256_${suffix}`, 'void', [ADDRESS, ADDRESS]),
      seal: library.func(`aes_gcm_enc_256_${suffix}`, 'void', crypt),
      open: library.func(`aes_gcm_dec_256_${suffix}`, 'void', crypt),
    };
  } catch {
    // A version of the library without this implementation: the OpenSSL engine is used.
    return null;
  }
}

export const isIpsecMb = (engine: AeadEngine): boolean => engine instanceof IpsecMbEngine;

/** Whether the processor works on several AES blocks with one instruction. */
export const hasVectorAes = (flags: ReadonlySet<string>): boolean => flags.has('vaes') && flags.has('vpclmulqdq');

/** Suffix of the first implementation that `flags` allow; null when none is (arm64, old processors). */
export function implementationFor(flags: ReadonlySet<string>): string | null {
  return IMPLEMENTATIONS.find(({ flags: needed }) => needed.every((flag) => flags.has(flag)))?.suffix ?? null;
}
