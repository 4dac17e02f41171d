import { describe, expect, it } from '@jest/globals';
import { isWaited } from './socket-table.js';

const HEAD = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode';
const UDP = `${HEAD}\n12405: 0263A8C0:2B67 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 585356\n`;
const TCP = `${HEAD}
   0: 0263A8C0:1451 0163A8C0:A3F2 06 00000000:00000000 03:00000CC1 00000000     0        0 0
   1: 0263A8C0:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1234
`;

describe('isWaited', () => {
  it('finds a bound UDP socket', () => {
    expect(isWaited(UDP, 11111)).toBe(true);
    expect(isWaited(UDP, 5201)).toBe(false);
  });

  it('finds a TCP socket that listens, not what is left of a connection', () => {
    expect(isWaited(TCP, 22)).toBe(true);
    expect(isWaited(TCP, 5201)).toBe(false);
  });

  it('finds nothing in an empty table', () => {
    expect(isWaited('', 22)).toBe(false);
  });
});
