import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { fuzzRuns } from '../../test/fuzz/fuzz-runs.js';
import { AddressError } from '../errors.js';
import { parseIpAddress } from './ip-address.js';
import { formatSocketAddress, parseSocketAddress, sameSocketAddress } from './socket-address.js';

describe('parseSocketAddress', () => {
  it.each([
    ['192.0.2.1:6785', '192.0.2.1', 6785],
    ['[2001:DB8::1]:1', '2001:db8::1', 1],
    ['192.0.2.1:65535', '192.0.2.1', 65535],
  ])('reads %s', (text, ip, port) => {
    expect(parseSocketAddress(text)).toEqual({ ip, port });
  });

  it('uses the default port, also for an IPv6 address without brackets', () => {
    expect(parseSocketAddress('192.0.2.1', 6785)).toEqual({ ip: '192.0.2.1', port: 6785 });
    expect(parseSocketAddress('[::1]', 6785)).toEqual({ ip: '::1', port: 6785 });
    expect(parseSocketAddress('2001:db8::1', 6785)).toEqual({ ip: '2001:db8::1', port: 6785 });
  });

  it.each([
    ...['', ':', ':1', '192.0.2.1', '192.0.2.1:', '192.0.2.1:0', '192.0.2.1:65536', '192.0.2.1:-1', '192.0.2.1:1x'],
    ...['[::1]', '[::1]:', '[::1]:0', '[::1', '::1]:1', '[]:1', '[::1]x:1', '010.1.1.1:1', 'host:1', '192.0.2.1:1:1'],
    ...[
      '[fe80::1%eth0]:1',
      '[192.0.2.1]:1',
      '192.0.2.1:080',
      `192.0.2.1:${'9'.repeat(400)}`,
      ' 192.0.2.1:1',
      '2001:db8::1',
    ],
  ])('refuses %j', (text) => {
    expect(() => parseSocketAddress(text)).toThrow(AddressError);
  });

  it('names the port that was found and the range', () => {
    expect(() => parseSocketAddress('192.0.2.1')).toThrow('"192.0.2.1" has no port (expected 1 to 65535)');
    expect(() => parseSocketAddress('192.0.2.1:70000')).toThrow('has port 70000 (expected 1 to 65535)');
  });

  it('parses what formatSocketAddress wrote', () => {
    const anyAddress = fc.oneof(fc.ipV4(), fc.ipV6()).map((text) => parseIpAddress(text));
    fc.assert(
      fc.property(anyAddress, fc.integer({ min: 1, max: 65535 }), (ip, port) => {
        const address = { ip, port };
        expect(parseSocketAddress(formatSocketAddress(address))).toEqual(address);
        expect(sameSocketAddress(parseSocketAddress(formatSocketAddress(address)), address)).toBe(true);
      }),
      { numRuns: fuzzRuns(40) },
    );
  });

  it('compares ip and port', () => {
    const address = parseSocketAddress('192.0.2.1:1');
    expect(sameSocketAddress(address, parseSocketAddress('192.0.2.1:2'))).toBe(false);
    expect(sameSocketAddress(address, parseSocketAddress('192.0.2.2:1'))).toBe(false);
  });
});
