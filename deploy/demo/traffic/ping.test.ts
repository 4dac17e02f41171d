import { describe, expect, it } from '@jest/globals';
import { parsePing } from './ping.js';

const HEADER = 'PATTERN: 0x48454444\nPING 10.32.1.2 (10.32.1.2) 56(84) bytes of data.\n';

describe('parsePing', () => {
  it('gives the best round trip', () => {
    const output = `${HEADER}64 bytes from 10.32.1.2: icmp_seq=1 ttl=64 time=12.5 ms
64 bytes from 10.32.1.2: icmp_seq=2 ttl=64 time=0.310 ms

--- 10.32.1.2 ping statistics ---
2 packets transmitted, 2 received, 0% packet loss, time 201ms
rtt min/avg/max/mdev = 0.310/6.4/12.5/6.1 ms
`;
    expect(parsePing(output)).toEqual({ ok: true, rttMs: 0.31 });
  });

  it('is ok with one answer of two', () => {
    const output = `${HEADER}64 bytes from fd00:32:0:2::2: icmp_seq=2 ttl=64 time<1 ms

2 packets transmitted, 1 received, 50% packet loss, time 201ms
`;
    expect(parsePing(output)).toEqual({ ok: true, rttMs: 1 });
  });

  it('fails without an answer', () => {
    const output = `${HEADER}From 10.32.1.1 icmp_seq=1 Destination Host Unreachable

2 packets transmitted, 0 received, +2 errors, 100% packet loss, time 201ms
`;
    expect(parsePing(output)).toEqual({ ok: false, rttMs: null });
    expect(parsePing('')).toEqual({ ok: false, rttMs: null });
  });
});
