/**
 * The engine over Intel's multi-buffer crypto library (Debian package `libipsec-mb1`), used when the host has it: a unit is
 * one call, with vector AES where the processor has it (measured against OpenSSL in `docs/data-path.md`). AES-256-GCM only;
 * ChaCha20-Poly1305 goes to the engine given as `fallback`.
 */
import type { AeadEngine, OpeningKey, SealingKey } from './aead.js';
import { AAD_BYTES, SALT_BYTES, TAG_BYTES, writeAssociatedData } from '../../common/wire/sealed-unit.js';
import type { UnitBinding } from '../../common/wire/sealed-unit.js';
import type { Arena } from '../kernel/arena.js';
import { ADDRESS, loadOptionalLibrary } from '../kernel/ffi.js';
import type { OptionalLibrary } from '../kernel/ffi.js';
import { processorFlags } from '../kernel/processor.js';

const SONAME = 'libIPSec_MB.so.1';
/** struct gcm_key_data and gcm_context_data, rounded up generously (1.3: 1024 and 88 bytes), aligned to 64. */
const KEY_DATA_BYTES = 2048;
const CONTEXT_BYTES = 256;
/** Expanded keys live in arena memory for ever and are reused: two per session, as many as sessions are likely alive. */
const KEY_POOL_SLOTS = 4096;

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
  const pool = new KeyPool(arena);
  const scratch = arena.allocate(128);
  const context = arena.allocate(CONTEXT_BYTES);
  const make = (key: Uint8Array, salt: Uint8Array) => {
    const data = pool.take();
    const keyAt = arena.placeSecret(key);
    calls.expandKey(arena.base + keyAt, arena.base + data);
    arena.eraseSecret(keyAt, key.length);
    return new IpsecMbKey(arena, calls, pool, data, salt, scratch, context);
  };
  return {
    name: `ipsec-mb/${suffix}`,
    sealingKey: (cipher, key, salt) =>
      cipher === 'aes-256-gcm' && pool.free > 0 ? make(key, salt) : fallback.sealingKey(cipher, key, salt),
    openingKey: (cipher, key, salt) =>
      cipher === 'aes-256-gcm' && pool.free > 0 ? make(key, salt) : fallback.openingKey(cipher, key, salt),
  };
}

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
    // The nonce is the salt and the first 8 bytes of the associated data, so it lies directly in front of it.
    for (let i = 0; i < SALT_BYTES; i++) u8[this.scratch + i] = this.salt[i]!;
    for (let i = 0; i < 8; i++) u8[this.scratch + SALT_BYTES + i] = u8[aad + i]!;
    call(
      base + this.data,
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

/** Expanded keys, reused after being overwritten. Bounded by KEY_POOL_SLOTS. */
class KeyPool {
  readonly #free: number[] = [];

  constructor(private readonly arena: Arena) {
    const start = arena.allocate(KEY_POOL_SLOTS * KEY_DATA_BYTES);
    for (let i = KEY_POOL_SLOTS - 1; i >= 0; i--) this.#free.push(start + i * KEY_DATA_BYTES);
  }

  get free(): number {
    return this.#free.length;
  }

  take(): number {
    return this.#free.pop()!;
  }

  give(data: number): void {
    this.arena.u8.fill(0, data, data + KEY_DATA_BYTES);
    this.#free.push(data);
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
    // A version of the library without this implementation: the OpenSSL engine serves.
    return null;
  }
}

/** The implementation whose needs `flags` meets; null when none does (arm64, old processors). */
export function implementationFor(flags: ReadonlySet<string>): string | null {
  return IMPLEMENTATIONS.find(({ flags: needed }) => needed.every((flag) => flags.has(flag)))?.suffix ?? null;
}
