import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseCidr } from '../../common/address/cidr.js';
import { DecodeError } from '../../common/errors.js';
import { decodeMsgpack, encodeMsgpack } from '../../common/codec/msgpack.js';
import { parseSocketAddress } from '../../common/address/socket-address.js';
import { fuzzRuns } from '../../test/fuzz/fuzz-runs.js';
import { readAdvert, signAdvert, verifyAdvert } from './advert.js';
import { generateIdentity } from './identity.js';
import { MAX_ADVERT_BYTES } from '../limits.js';
import { SeededRandom } from '../testing/seeded-random.js';

const identity = generateIdentity(new SeededRandom(1));
const SELF = {
  name: 'node-a',
  version: '0.1.0',
  endpoints: [parseSocketAddress('192.0.2.1:6785'), parseSocketAddress('[2001:db8::1]:6785')],
  podCidrs: [parseCidr('10.32.1.0/24'), parseCidr('fd00:0:0:1::/64')],
  podMtuBytes: 1392,
};
const STAMP = { createdAtMs: 1_767_225_600_000, revision: 1_767_225_600_001, incarnation: 0xfffffffe, lowestStamp: 5 };
const advert = signAdvert(identity, SELF, STAMP);

/** The advert with its body changed and, if asked, signed again. */
function changed(change: (body: unknown[]) => void, sign = true): Uint8Array {
  const [body] = decodeMsgpack(advert.bytes, MAX_ADVERT_BYTES) as [Uint8Array, Uint8Array];
  const fields = decodeMsgpack(body, MAX_ADVERT_BYTES) as unknown[];
  change(fields);
  const next = encodeMsgpack(fields);
  const message = Buffer.concat([Buffer.from('heddle/2 advert\0'), next]);
  return encodeMsgpack([next, sign ? identity.sign(message) : new Uint8Array(64)]);
}

describe('an advert', () => {
  it('survives the wire', () => {
    const read = verifyAdvert(readAdvert(advert.bytes));
    expect(read).toEqual(advert);
    expect(read).toMatchObject({ ...SELF, ...STAMP, id: identity.id });
  });

  it('is encoded the same way every time', () => {
    expect(signAdvert(identity, SELF, STAMP).bytes).toEqual(advert.bytes);
  });

  it('leaves endpoints out rather than outgrow a handshake datagram', () => {
    const endpoints = Array.from({ length: 16 }, (_, i) =>
      parseSocketAddress(`[2001:db8:aaaa:bbbb:cccc:dddd:eeee:${i + 1}]:6785`),
    );
    const podCidrs = Array.from({ length: 4 }, (_, i) => parseCidr(`fd00:aaaa:bbbb:${i + 1}::/64`));
    const large = signAdvert(
      identity,
      { name: 'n'.repeat(253), version: '1', endpoints, podCidrs, podMtuBytes: 1392 },
      STAMP,
    );
    expect(large.bytes.length).toBeLessThan(900);
    expect(large.endpoints.length).toBeGreaterThan(2);
    expect(large.endpoints).toEqual(endpoints.slice(0, large.endpoints.length));
  });

  it('accepts fields that a later version appends', () => {
    expect(verifyAdvert(readAdvert(changed((body) => body.push('new field'))))?.name).toBe('node-a');
  });

  it('of earlier versions says no secrets, or no pod MTU either', () => {
    const without = (fields: number) => verifyAdvert(readAdvert(changed((body) => body.splice(-fields))));
    expect(without(1)).toMatchObject({ secretIds: null, podMtuBytes: 1392 });
    expect(without(2)).toMatchObject({ secretIds: null, podMtuBytes: null });
  });

  it('fails verification when any byte of it changes', () => {
    fc.assert(
      fc.property(fc.nat(advert.bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const forged = new Uint8Array(advert.bytes);
        forged[at]! ^= flip;
        let verified: unknown = null;
        try {
          verified = verifyAdvert(readAdvert(forged));
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(DecodeError);
        }
        expect(verified).toBeNull();
      }),
      { numRuns: fuzzRuns(40) },
    );
    expect(verifyAdvert(readAdvert(changed(() => undefined, false)))).toBeNull();
  });

  it.each<[string, (body: unknown[]) => void]>([
    ['another protocol version', (body) => (body[0] = 3)],
    ['a short identity key', (body) => (body[1] = new Uint8Array(31))],
    ['a key that is text', (body) => (body[2] = 'x'.repeat(32))],
    ['an empty name', (body) => (body[3] = '')],
    ['a name of 254 characters', (body) => (body[3] = 'n'.repeat(254))],
    ['an endpoint without a port', (body) => (body[5] = ['192.0.2.1'])],
    ['an endpoint with an octal number', (body) => (body[5] = ['010.1.1.1:6785'])],
    ['an endpoint that is not canonical', (body) => (body[5] = ['[2001:DB8::1]:6785'])],
    ['too many endpoints', (body) => (body[5] = Array<string>(17).fill('192.0.2.1:6785'))],
    ['a CIDR with host bits', (body) => (body[6] = ['10.1.1.1/24'])],
    ['a CIDR that is not canonical', (body) => (body[6] = ['FD00::/64'])],
    ['too many CIDRs', (body) => (body[6] = Array<string>(17).fill('10.1.0.0/24'))],
    ['a negative revision', (body) => (body[8] = -1)],
    ['a pod MTU beyond that of IP', (body) => (body[11] = 65_536)],
    ['a fractional revision', (body) => (body[8] = 1.5)],
    ['a missing field', (body) => body.splice(10)],
  ])('with %s is refused', (_what, change) => {
    expect(() => readAdvert(changed(change))).toThrow(DecodeError);
  });

  it('never makes the decoder throw anything but a decode error', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 3000 }),
          fc.anything().map((v) => encodeOr(v)),
        ),
        (bytes) => {
          try {
            readAdvert(bytes);
          } catch (thrown) {
            expect(thrown).toBeInstanceOf(DecodeError);
          }
        },
      ),
    );
  });
});

function encodeOr(value: unknown): Uint8Array {
  try {
    return encodeMsgpack([encodeMsgpack(value), new Uint8Array(64)]);
  } catch {
    return new Uint8Array(0);
  }
}
