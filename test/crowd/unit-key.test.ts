import { describe, expect, it } from '@jest/globals';
import type { CipherName } from '../../common/router-port.js';
import { TAG_BYTES, TYPE_CONTROL, TYPE_PROBE } from '../../common/wire/datagram.js';
import { UnitKey } from './unit-key.js';

const CIPHERS: readonly CipherName[] = ['aes-256-gcm', 'chacha20-poly1305'];
const BASE_KEY = new Uint8Array(32).fill(5);
const PLAINTEXT = new TextEncoder().encode('to be or not to be');
const NAME = { type: TYPE_CONTROL, counter: 2 ** 40 + 7, fragments: 3 };

describe.each(CIPHERS)('a unit key of %s', (cipher) => {
  const key = new UnitKey(cipher, BASE_KEY);
  const sealed = key.seal(PLAINTEXT, NAME);

  it('opens what it sealed', () => {
    expect(sealed.length).toBe(PLAINTEXT.length + TAG_BYTES);
    expect(new Uint8Array(new UnitKey(cipher, BASE_KEY).open(sealed, NAME)!)).toEqual(PLAINTEXT);
  });

  it('binds type, counter and number of fragments', () => {
    expect(key.open(sealed, { ...NAME, type: TYPE_PROBE })).toBeNull();
    expect(key.open(sealed, { ...NAME, counter: NAME.counter - 1 })).toBeNull();
    expect(key.open(sealed, { ...NAME, fragments: 2 })).toBeNull();
  });

  it('opens nothing that another key sealed, or that was changed', () => {
    const other = new UnitKey(
      cipher,
      BASE_KEY.map((byte) => byte + 1),
    );
    expect(other.open(sealed, NAME)).toBeNull();
    expect(key.open(sealed.with(0, sealed[0]! ^ 1), NAME)).toBeNull();
  });
});
