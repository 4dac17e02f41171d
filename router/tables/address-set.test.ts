import { describe, expect, it } from '@jest/globals';
import { parseIpAddress } from '../../common/address/ip-address.js';
import { AddressSet } from './address-set.js';
import { addressWords, MAPPED_WORD } from './prefix-table.js';

describe('the set of addresses', () => {
  const ips = Array.from({ length: 300 }, (_, i) => parseIpAddress(i % 2 === 0 ? `10.1.0.${i % 256}` : `fd00::${i}`));
  const set = new AddressSet(ips);

  it('has every address it was made of', () => {
    for (const ip of ips) expect(set.has(...addressWords(ip))).toBe(true);
  });

  it('has no other address', () => {
    for (const ip of ['10.2.0.1', '10.1.0.1', 'fd00::2'])
      expect(set.has(...addressWords(parseIpAddress(ip)))).toBe(false);
    expect(new AddressSet([]).has(0, 0, MAPPED_WORD, 1)).toBe(false);
  });
});
