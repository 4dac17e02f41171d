import { describe, expect, it } from '@jest/globals';
import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { fuzzRuns } from '../../test/fuzz/fuzz-runs.js';
import { checkCookie, cookieIndex, describeCookie, encodeCookie, openCookie } from './cookie-datagram.js';
import {
  describeHandshake,
  encodeHandshake,
  hasValidCookie,
  hasValidMac,
  readHandshake,
  withCookie,
} from './handshake-datagram.js';
import type { ClusterMac } from './handshake-mac.js';
import { macUnder } from './handshake-mac.js';

/** The MAC of a cluster with this secret, as the mesh core derives it. */
function clusterMac(secret: Uint8Array): ClusterMac {
  const key = createHmac('blake2s256', secret).update('heddle/1 handshake mac').digest();
  return { mac: (...parts) => macUnder(key, ...parts) };
}

const CLUSTER = clusterMac(new Uint8Array(32).fill(1));
const NOISE = Uint8Array.of(0xaa, 0xbb, 0xcc);
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

describe('handshake datagrams', () => {
  it.each([
    [1, '01000001' + '00000000' + '0000000000000000' + '11223344' + 'aabbcc'],
    [2, '02000001' + '99887766' + '0000000000000000' + '11223344' + 'aabbcc'],
    [3, '03000001' + '99887766' + '0000000000000000' + 'aabbcc'],
  ] as const)('of type %i have these bytes in front of their MACs', (type, expected) => {
    const receiverIndex = type === 1 ? 0 : 0x99887766;
    const senderIndex = type === 3 ? 0 : 0x11223344;
    const bytes = encodeHandshake({ type, receiverIndex, senderIndex, noise: NOISE }, CLUSTER);
    expect(hex(bytes.subarray(0, -32))).toBe(expected);
    expect(hex(bytes.subarray(-16))).toBe('00'.repeat(16));
    expect(readHandshake(bytes)).toMatchObject({ type, receiverIndex, senderIndex });
    expect(hex(readHandshake(bytes)!.noise)).toBe('aabbcc');
    expect(hasValidMac(bytes, CLUSTER)).toBe(true);
  });

  it('have this MAC under the cluster key', () => {
    const bytes = encodeHandshake({ type: 3, receiverIndex: 1, senderIndex: 0, noise: NOISE }, CLUSTER);
    expect(hex(readHandshake(bytes)!.mac)).toBe('eb10a39fa022e604009fcf7e086a6ebe');
  });

  it('are described by type, indices and length', () => {
    const response = encodeHandshake({ type: 2, receiverIndex: 5, senderIndex: 6, noise: NOISE }, CLUSTER);
    expect(describeHandshake(response)).toBe(
      'response, session 0x00000005, sender index 0x00000006, Noise message of 3 bytes',
    );
    const confirmation = encodeHandshake({ type: 3, receiverIndex: 5, senderIndex: 0, noise: NOISE }, CLUSTER);
    expect(describeHandshake(confirmation)).toBe('confirmation, session 0x00000005, Noise message of 3 bytes');
    expect(describeHandshake(new Uint8Array(3))).toBe('no handshake datagram (3 bytes)');
  });

  it('are refused when any byte in front of the cookie changes', () => {
    const bytes = encodeHandshake({ type: 2, receiverIndex: 5, senderIndex: 6, noise: NOISE }, CLUSTER);
    fc.assert(
      fc.property(fc.nat(bytes.length - 17), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const forged = new Uint8Array(bytes);
        forged[at]! ^= flip;
        expect(readHandshake(forged) !== null && hasValidMac(forged, CLUSTER)).toBe(false);
      }),
      { numRuns: fuzzRuns(40) },
    );
  });

  it('of another shape are refused', () => {
    const bytes = encodeHandshake({ type: 1, receiverIndex: 0, senderIndex: 6, noise: new Uint8Array(0) }, CLUSTER);
    expect(readHandshake(bytes)).not.toBeNull();
    expect(readHandshake(bytes.subarray(0, -1))).toBeNull();
    expect(readHandshake(new Uint8Array(5000).fill(1, 0, 1).fill(1, 3, 4))).toBeNull();
    for (const [at, value] of [
      [0, 5],
      [1, 1],
      [2, 1],
      [3, 2],
      [9, 1],
      [15, 1],
    ] as const) {
      const other = new Uint8Array(bytes);
      other[at] = value;
      expect(readHandshake(other)).toBeNull();
    }
  });

  it('prove a cookie by a MAC over all bytes in front of it', () => {
    const cookie = new Uint8Array(16).fill(9);
    const bytes = encodeHandshake({ type: 1, receiverIndex: 0, senderIndex: 6, noise: NOISE }, CLUSTER);
    const proven = withCookie(bytes, cookie);
    expect(hasValidCookie(bytes, cookie)).toBe(false);
    expect(hasValidCookie(proven, cookie)).toBe(true);
    expect(hasValidCookie(proven, new Uint8Array(16))).toBe(false);
    expect(hasValidMac(proven, CLUSTER)).toBe(true);
    expect(bytes.length).toBe(proven.length);
  });
});

describe('cookie datagrams', () => {
  it('carry a wait under their MAC', () => {
    const bytes = encodeCookie(77, cookie, cause, CLUSTER, 70_000);
    expect(bytes).toHaveLength(52);
    expect(checkCookie(bytes)).toBe(true);
    expect(openCookie(bytes, cause, CLUSTER)).toEqual({ cookie, waitMs: 70_000 });
    bytes[35]! ^= 1;
    expect(openCookie(bytes, cause, CLUSTER)).toBeNull();
  });

  const cause = new Uint8Array(16).fill(3);
  const cookie = new Uint8Array(16).fill(4);

  it('are opened with the MAC of the initiation and the cluster secret, and not without', () => {
    const bytes = encodeCookie(77, cookie, cause, CLUSTER);
    expect(hex(bytes.subarray(0, 32))).toBe('04000001' + '0000004d' + '0000000000000000' + '04'.repeat(16));
    expect(checkCookie(bytes)).toBe(true);
    expect(cookieIndex(bytes)).toBe(77);
    expect(describeCookie(bytes)).toBe('cookie, session 0x0000004d');
    expect(openCookie(bytes, cause, CLUSTER)).toEqual({ cookie, waitMs: 0 });
    expect(openCookie(bytes, cookie, CLUSTER)).toBeNull();
    expect(openCookie(bytes, cause, clusterMac(new Uint8Array(32)))).toBeNull();
    expect(checkCookie(bytes.subarray(1))).toBe(false);
    expect(describeCookie(bytes.subarray(1))).toBe('no cookie datagram (47 bytes)');
  });
});
