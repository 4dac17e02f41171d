import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { IdentityError } from '../../common/errors.js';
import { nodeIdOf } from '../../common/node-id.js';
import { verifyEd25519 } from './curve-keys.js';
import { decodeIdentity, encodeIdentity, generateIdentity } from './identity.js';
import { SeededRandom } from '../testing/seeded-random.js';

describe('a node identity', () => {
  const identity = generateIdentity(new SeededRandom(1));

  it('comes from the random source alone', () => {
    expect(generateIdentity(new SeededRandom(1)).id).toBe(identity.id);
    expect(generateIdentity(new SeededRandom(2)).id).not.toBe(identity.id);
    expect(identity.id).toBe(nodeIdOf(identity.publicKey));
  });

  it('survives its key file', () => {
    const again = decodeIdentity(encodeIdentity(identity));
    expect(again.id).toBe(identity.id);
    expect(again.noiseKeys.publicKey).toEqual(identity.noiseKeys.publicKey);
    const message = Buffer.from('message');
    expect(verifyEd25519(identity.publicKey, message, again.sign(message))).toBe(true);
  });

  it('never prints its private keys', () => {
    const file = JSON.parse(encodeIdentity(identity)) as { signingKey: string; noiseKey: string };
    const printed = [JSON.stringify({ identity }), inspect(identity, { depth: 9, showHidden: true })];
    for (const text of printed) {
      expect(text).not.toContain(file.signingKey);
      expect(text).not.toContain(file.noiseKey);
    }
    expect(JSON.stringify(identity)).toBe(`{"id":"${identity.id}"}`);
  });

  it('refuses a broken key file without repeating it', () => {
    const good = encodeIdentity(identity);
    const bad = [
      '',
      'null',
      '{}',
      good.replace('1', '2'),
      good.replace('signingKey', 'key'),
      good.slice(0, -9),
      `${good}x`,
    ];
    for (const text of [...bad, good.replace(/"noiseKey": "./, '"noiseKey": "')]) {
      expect(() => decodeIdentity(text)).toThrow(IdentityError);
      try {
        decodeIdentity(text);
      } catch (thrown) {
        expect(inspect(thrown)).not.toContain((JSON.parse(good) as { signingKey: string }).signingKey.slice(0, 12));
      }
    }
  });
});
