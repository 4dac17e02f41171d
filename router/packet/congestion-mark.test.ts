import { describe, expect, it } from '@jest/globals';
import { internetChecksum } from '../testing/internet-checksum.js';
import type { Mark } from '../testing/rfc-6040.js';
import { MARK_PAIRS, MARKS, RFC_6040 } from '../testing/rfc-6040.js';
import { applyMark, strongerMark, trafficClassOf } from './congestion-mark.js';

const DSCP = 46 << 2;

/** An IP header with this traffic class, whole but for what is not looked at. */
function header(ipv6: boolean, trafficClass: number): Uint8Array {
  if (ipv6) return Uint8Array.of(0x60 | (trafficClass >>> 4), (trafficClass << 4) | 0xa, 0xbc, 0xde);
  const bytes = Uint8Array.of(0x45, trafficClass, 0, 20, 1, 2, 0, 0, 64, 17, 0, 0, 10, 1, 0, 5, 10, 2, 0, 5);
  const sum = internetChecksum(bytes);
  return bytes.fill(sum >>> 8, 10, 11).fill(sum & 255, 11, 12);
}

describe('the mark of a datagram', () => {
  it.each(MARK_PAIRS)('becomes that of the frame as RFC 6040 says: %s in %s', (inner, outer) => {
    const outcome = RFC_6040[inner][outer];
    for (const ipv6 of [false, true]) {
      const packet = header(ipv6, DSCP | MARKS[inner]);
      expect(applyMark(packet, 0, ipv6, MARKS[outer])).toBe(outcome !== 'drop');
      if (outcome !== 'drop') expect(packet).toEqual(header(ipv6, DSCP | MARKS[outcome]));
    }
  });

  it('counts for its unit when it is the strongest, in any order', () => {
    const byStrength: readonly Mark[] = ['notEct', 'ect0', 'ect1', 'ce'];
    byStrength.forEach((strong, i) => {
      for (const weak of byStrength.slice(0, i + 1)) {
        expect(strongerMark(MARKS[strong], MARKS[weak])).toBe(MARKS[strong]);
        expect(strongerMark(MARKS[weak], MARKS[strong])).toBe(MARKS[strong]);
      }
    });
  });
});

describe('the traffic class', () => {
  it('is read whole in both families', () => {
    for (const trafficClass of [0, 1, 0x0f, 0xa5, 0xf0, 0xff]) {
      for (const ipv6 of [false, true]) expect(trafficClassOf(header(ipv6, trafficClass), 0)).toBe(trafficClass);
    }
  });
});
