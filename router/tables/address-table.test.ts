import { describe, expect, it } from '@jest/globals';
import { parseIpAddress } from '../../common/address/ip-address.js';
import { computedMac, macFromBytes, parseMacAddress } from '../../common/address/mac-address.js';
import { AddressTable } from './address-table.js';
import { addressWords, MAPPED_WORD } from './prefix-table.js';

describe('the address table', () => {
  const ips = Array.from({ length: 300 }, (_, i) => parseIpAddress(i % 2 === 0 ? `10.1.0.${i % 256}` : `fd00::${i}`));
  const table = new AddressTable([...new Set(ips)].map((ip) => ({ ip, mac: computedMac(ip) })));

  it('finds every endpoint and its MAC', () => {
    for (const ip of ips) {
      const out = new Uint8Array(6);
      table.writeMac(table.find(...addressWords(ip)), out, 0);
      expect(macFromBytes(out)).toBe(computedMac(ip));
    }
  });

  it('does not know an address that is not local', () => {
    expect(table.find(...addressWords(parseIpAddress('10.2.0.1')))).toBe(-1);
    expect(new AddressTable([]).find(0, 0, MAPPED_WORD, 1)).toBe(-1);
  });

  it('keeps a MAC that is not the computed one', () => {
    const ip = parseIpAddress('10.1.0.9');
    const custom = new AddressTable([{ ip, mac: parseMacAddress('02:00:00:00:00:09') }]);
    const out = new Uint8Array(8);
    custom.writeMac(custom.find(...addressWords(ip)), out, 2);
    expect(macFromBytes(out.subarray(2))).toBe('02:00:00:00:00:09');
  });
});
