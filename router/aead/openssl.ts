/**
 * AEAD engine over the OpenSSL in Node. It uses OpenSSL's record mode for TLS (EVP_CTRL_AEAD_TLS1_AAD): the associated data in
 * one call, then sealing or opening with nonce and tag in place in a second one; the general interface takes five.
 *
 * AES-GCM in this mode keeps the nonce itself: 4 bytes fixed, 8 bytes counted up by one per seal and written in front of
 * the unit; on opening it is read from there. ChaCha20-Poly1305 takes the nonce as the fixed 12 bytes XOR the counter in
 * the associated data. Both give salt || counter.
 */
import { assert, HeddleError } from '../../common/errors.js';
import type { CipherName } from '../../common/router-port.js';
import type { AeadEngine, OpeningKey, SealingKey } from './aead.js';
import { KEY_BYTES } from './aead.js';
import {
  AAD_BYTES,
  AAD_LENGTH_AT,
  SALT_BYTES,
  TAG_BYTES,
  writeAssociatedData,
  writeCounter,
} from '../../common/wire/sealed-unit.js';
import type { UnitBinding } from '../../common/wire/sealed-unit.js';
import type { Arena } from '../kernel/arena.js';
import { ADDRESS, opensslFunction } from '../kernel/ffi.js';

const EVP_CTRL_AEAD_SET_IV_FIXED = 0x12;
const EVP_CTRL_AEAD_TLS1_AAD = 0x16;
const EXPLICIT_NONCE_BYTES = 8;
const NONCE_BYTES = 12;
const WHOLE_NONCE = -1;

/** Creates the engine over `arena`. Throws PLATFORM_UNSUPPORTED when Node does not export what it needs. */
export function createOpensslEngine(arena: Arena): AeadEngine {
  const evp = bindEvp();
  const scratch = arena.allocate(64);
  const setUp = (cipher: CipherName, key: Uint8Array, salt: Uint8Array, sealing: boolean, counter = 0): number => {
    const context = evp.contextNew();
    const keyAt = arena.placeSecret(key);
    const initialised = evp.cipherInit(context, evp.ciphers[cipher](), 0, arena.base + keyAt, 0, sealing ? 1 : 0);
    arena.eraseSecret(keyAt, KEY_BYTES);
    arena.u8.fill(0, scratch, scratch + NONCE_BYTES);
    arena.u8.set(salt, scratch);
    const isGcm = cipher === 'aes-256-gcm';
    if (isGcm) writeCounter(arena.u8, scratch + SALT_BYTES, counter);
    const bytes = isGcm ? WHOLE_NONCE : NONCE_BYTES;
    const fixed = evp.control(context, EVP_CTRL_AEAD_SET_IV_FIXED, bytes, arena.base + scratch);
    if (initialised !== 1 || fixed !== 1) throw new HeddleError('PLATFORM_UNSUPPORTED', `OpenSSL refused ${cipher}`);
    return context;
  };
  return {
    name: 'openssl',
    refusedKeys: 0,
    sealingKey: (cipher, key, salt, firstCounter = 0) =>
      new OpensslKey(arena, evp, setUp(cipher, key, salt, true, firstCounter), cipher, scratch, firstCounter),
    openingKey: (cipher, key, salt) => new OpensslKey(arena, evp, setUp(cipher, key, salt, false), cipher, scratch, 0),
  };
}

/** A context of OpenSSL, set up for sealing or for opening; only that one may be called. */
class OpensslKey implements SealingKey, OpeningKey {
  /** AES-GCM works on the unit with its nonce in front, ChaCha20-Poly1305 on the unit alone. */
  readonly #front: number;
  #nextCounter: number;

  constructor(
    private readonly arena: Arena,
    private readonly evp: Evp,
    private readonly context: number,
    cipher: CipherName,
    private readonly scratch: number,
    firstCounter: number,
  ) {
    this.#nextCounter = firstCounter;
    this.#front = cipher === 'aes-256-gcm' ? EXPLICIT_NONCE_BYTES : 0;
  }

  seal(at: number, length: number, unit: UnitBinding): void {
    // OpenSSL counts its nonce up itself, so it must be the unit's counter.
    assert(unit.counter === this.#nextCounter++, 'units are sealed in counter order');
    this.#prepare(length + this.#front, length, unit);
    const front = this.arena.base + at - this.#front;
    const sealed = this.evp.cipher(this.context, front, front, this.#front + length + TAG_BYTES);
    assert(sealed > 0, 'OpenSSL seals');
  }

  open(at: number, length: number, unit: UnitBinding): boolean {
    this.#prepare(length + this.#front + TAG_BYTES, length, unit);
    if (this.#front !== 0) writeCounter(this.arena.u8, at - EXPLICIT_NONCE_BYTES, unit.counter);
    const front = this.arena.base + at - this.#front;
    return this.evp.cipher(this.context, front, front, this.#front + length + TAG_BYTES) >= 0;
  }

  destroy(): void {
    this.evp.contextFree(this.context);
  }

  /** `announced` is the length in a TLS record's header: OpenSSL subtracts nonce and tag before it authenticates it. */
  #prepare(announced: number, length: number, unit: UnitBinding): void {
    const { u8, base } = this.arena;
    writeAssociatedData(u8, this.scratch, unit, length);
    u8[this.scratch + AAD_LENGTH_AT] = announced >>> 8;
    u8[this.scratch + AAD_LENGTH_AT + 1] = announced;
    this.evp.control(this.context, EVP_CTRL_AEAD_TLS1_AAD, AAD_BYTES, base + this.scratch);
  }
}

type Evp = ReturnType<typeof bindEvp>;

function bindEvp() {
  return {
    contextNew: opensslFunction<[]>('EVP_CIPHER_CTX_new', 'pointer', []),
    contextFree: opensslFunction<[context: number]>('EVP_CIPHER_CTX_free', 'void', [ADDRESS]),
    cipherInit: opensslFunction<
      [context: number, cipher: number, engine: number, key: number, nonce: number, sealing: number]
    >('EVP_CipherInit_ex', 'int', [ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS, 'int']),
    control: opensslFunction<[context: number, type: number, argument: number, pointer: number]>(
      'EVP_CIPHER_CTX_ctrl',
      'int',
      [ADDRESS, 'int', 'int', ADDRESS],
    ),
    cipher: opensslFunction<[context: number, out: number, input: number, length: number]>('EVP_Cipher', 'int', [
      ADDRESS,
      ADDRESS,
      ADDRESS,
      'uint',
    ]),
    ciphers: {
      'aes-256-gcm': opensslFunction<[]>('EVP_aes_256_gcm', 'pointer', []),
      'chacha20-poly1305': opensslFunction<[]>('EVP_chacha20_poly1305', 'pointer', []),
    },
  };
}
