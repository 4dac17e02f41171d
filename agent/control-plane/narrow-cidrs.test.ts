import { describe, expect, it } from '@jest/globals';
import { parseCidr } from '../../common/address/cidr.js';
import { parseNodeId } from '../../common/node-id.js';
import { narrowCidrs } from './narrow-cidrs.js';

const [self, peer] = ['aa', 'bb'].map((digits) => parseNodeId(digits.repeat(16))) as [
  ReturnType<typeof parseNodeId>,
  ReturnType<typeof parseNodeId>,
];
const route = (text: string, podMtuBytes: number | null, owner = peer) => ({
  cidr: parseCidr(text),
  owner,
  podMtuBytes,
});

describe('narrow pod CIDRs', () => {
  it('are those of peers that take less than this node', () => {
    const routes = [
      route('10.1.1.0/24', 1300, self),
      route('10.1.2.0/24', 1392),
      route('10.1.3.0/24', 8893),
      route('10.1.4.0/24', 8894),
      route('10.1.5.0/24', null),
    ];
    expect(narrowCidrs(routes, self, 8893)).toEqual([{ cidr: '10.1.2.0/24', mtuBytes: 1392 }]);
  });

  it('have the least MTU of IPv6, whatever the peer says', () => {
    expect(narrowCidrs([route('10.1.2.0/24', 0)], self, 1392)).toEqual([{ cidr: '10.1.2.0/24', mtuBytes: 1280 }]);
  });

  it('are bounded', () => {
    const routes = Array.from({ length: 2000 }, (_, i) => route(`10.${i >>> 8}.${i & 255}.0/24`, 1300));
    expect(narrowCidrs(routes, self, 1392)).toHaveLength(1024);
  });
});
