import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { isIP } from 'node:net';
import { fuzzRuns } from '../../test/fuzz/fuzz-runs.js';
import { AddressError } from '../errors.js';
import { ipFamily, ipFromBigInt, ipFromBytes, ipToBigInt, ipToBytes, parseIpAddress } from './ip-address.js';

/** `::1.2.3.4` (RFC 4291, 2.5.5.1), which ipaddr.js wrongly parses as the IPv4-mapped `::ffff:1.2.3.4`. */
const IPV4_COMPATIBLE = /^[0:]*:\d+\.\d+\.\d+\.\d+$/;
const MAPPED_PREFIX = 0xffffn << 32n;

describe('parseIpAddress', () => {
  it.each([
    ['10.1.2.3', '10.1.2.3'],
    ['0.0.0.0', '0.0.0.0'],
    ['255.255.255.255', '255.255.255.255'],
    ['::', '::'],
    ['::1', '::1'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'], // RFC 5952, 4.2.2: one zero group stays
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'], // RFC 5952, 4.2.3: the first of two equal runs
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'], // RFC 5952, 4.2.3: the longer run
    ['fd00:0::0abc', 'fd00::abc'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
    ['::192.0.2.33', '::c000:221'],
  ])('reads %s as %s', (text, canonical) => {
    expect(parseIpAddress(text)).toBe(canonical);
    expect(parseIpAddress(canonical)).toBe(canonical);
  });

  it.each([
    ...[
      '',
      ' ',
      '1',
      '1.2.3',
      '1.2.3.4.5',
      '010.1.1.1',
      '0x7f.0.0.1',
      '2130706433',
      '1.2.3.256',
      '1.2.3.-4',
      '1.2.3.4 ',
    ],
    ...['1.2.3.4/8', '::1::', ':::', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', 'g::1', 'fe80::1%eth0', '::ffff:010.1.1.1'],
    ...['12345::', '[::1]', '１.2.3.4', 'localhost', '1.2.3.4\n', '1.2.3.4\0'],
  ])('refuses %j', (text) => {
    expect(() => parseIpAddress(text)).toThrow(AddressError);
  });

  it('names the text that was found and the expected forms', () => {
    expect(() => parseIpAddress('010.1.1.1')).toThrow(
      '"010.1.1.1" is not an IP address (expected 4 decimal numbers 0-255 without leading zeros, or IPv6)',
    );
  });

  it('agrees with ipaddr.js on the bytes of every address that net.isIP admits', () => {
    const anyAddress = fc.oneof(fc.ipV4(), fc.ipV6());
    fc.assert(
      fc.property(anyAddress, (text) => {
        fc.pre(isIP(text) !== 0 && !IPV4_COMPATIBLE.test(text));
        expect([...ipToBytes(parseIpAddress(text))]).toEqual(ipaddr.parse(text).toByteArray());
      }),
      { numRuns: fuzzRuns(60) },
    );
  });

  it('writes IPv6 exactly as ipaddr.js does (RFC 5952)', () => {
    const group = fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, fc.nat(0xffff));
    fc.assert(
      fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), (groups) => {
        const long = groups.map((value) => value.toString(16).padStart(4, '0')).join(':');
        expect(parseIpAddress(long)).toBe(new ipaddr.IPv6(groups).toRFC5952String());
      }),
      { numRuns: fuzzRuns(60) },
    );
  });
});

describe('address arithmetic', () => {
  it('is the same after conversion to an integer and back', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, (1n << 128n) - 1n), (value) => {
        const address = ipFromBigInt(value, 6);
        expect(ipFamily(address)).toBe(6);
        expect(ipToBigInt(address)).toBe(value);
        expect(parseIpAddress(address)).toBe(address);
      }),
      { numRuns: fuzzRuns(40) },
    );
    fc.assert(
      fc.property(fc.bigInt(0n, (1n << 32n) - 1n), (value) => {
        expect(ipToBigInt(ipFromBigInt(value, 4))).toBe(value);
      }),
      { numRuns: fuzzRuns(40) },
    );
  });

  it('is the same after conversion to bytes and back, except IPv4-mapped IPv6, which becomes IPv4', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, (1n << 128n) - 1n), (value) => {
        fc.pre(value >> 32n !== 0xffffn);
        const address = ipFromBigInt(value, 6);
        expect(ipFromBytes(ipToBytes(address))).toBe(address);
      }),
      { numRuns: fuzzRuns(40) },
    );
    expect(ipFromBytes(ipToBytes(ipFromBigInt(MAPPED_PREFIX | 0x0a010203n, 6)))).toBe('10.1.2.3');
    expect(ipFromBytes(Uint8Array.of(10, 1, 2, 3))).toBe('10.1.2.3');
  });

  it('refuses integers outside the address space and byte strings of any other length', () => {
    expect(() => ipFromBigInt(1n << 32n, 4)).toThrow('4294967296 is outside the IPv4 address space');
    expect(() => ipFromBigInt(-1n, 6)).toThrow(AddressError);
    expect(() => ipFromBigInt(1n << 128n, 6)).toThrow(AddressError);
    for (const length of [0, 3, 5, 8, 15, 17]) {
      expect(() => ipFromBytes(new Uint8Array(length))).toThrow(`an IP address has 4 or 16 bytes, not ${length}`);
    }
  });
});
