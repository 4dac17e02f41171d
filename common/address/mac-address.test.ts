import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { fuzzRuns } from '../../test/fuzz/fuzz-runs.js';
import { AddressError } from '../errors.js';
import { parseIpAddress } from './ip-address.js';
import { computedMac, macFromBytes, macToBytes, parseMacAddress } from './mac-address.js';

describe('a MAC address', () => {
  it('is parsed as lower case', () => {
    expect(parseMacAddress('0A:58:0a:01:02:FF')).toBe('0a:58:0a:01:02:ff');
  });

  it.each([
    '',
    '0a:58:0a:01:02',
    '0a:58:0a:01:02:03:04',
    '0a-58-0a-01-02-03',
    '0a580a010203',
    'a:58:a:1:2:3',
    '0g:58:0a:01:02:03',
  ])('is not parsed from %j', (text) => {
    expect(() => parseMacAddress(text)).toThrow(AddressError);
  });

  it('has six bytes, and is the same after conversion to bytes and back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 6, maxLength: 6 }), (bytes) => {
        const mac = macFromBytes(bytes);
        expect(parseMacAddress(mac)).toBe(mac);
        expect([...macToBytes(mac)]).toEqual([...bytes]);
      }),
      { numRuns: fuzzRuns(40) },
    );
    expect(() => macFromBytes(new Uint8Array(5))).toThrow('a MAC address has 6 bytes, not 5');
  });
});

describe('computedMac', () => {
  it('is 0a:58 and the four bytes of an IPv4 address', () => {
    expect(computedMac(parseIpAddress('10.1.2.255'))).toBe('0a:58:0a:01:02:ff');
  });

  // Frozen: all versions of Heddle in a cluster must compute the same.
  it.each([
    ['::', '0a:59:69:69:19:05'],
    ['fd00::2', '0a:59:95:02:5e:5e'],
  ])('is 0a:59 and the FNV-1a hash of the IPv6 address %s', (text, frozen) => {
    expect(computedMac(parseIpAddress(text))).toBe(frozen);
  });

  it('is unicast, locally administered, and depends on the IP address alone', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
        const address = parseIpAddress(text);
        const mac = computedMac(address);
        expect(macToBytes(mac)[0]! & 0b11).toBe(0b10);
        expect(computedMac(parseIpAddress(text.toUpperCase()))).toBe(mac);
      }),
      { numRuns: fuzzRuns(40) },
    );
  });
});
