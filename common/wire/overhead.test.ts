import { describe, expect, it } from '@jest/globals';
import { OVERHEAD_BYTES, podMtuFor, underlayHeaderBytes } from './overhead.js';

describe('underlayHeaderBytes', () => {
  it('counts IP and UDP header', () => {
    expect(underlayHeaderBytes(4)).toBe(28);
    expect(underlayHeaderBytes(6)).toBe(48);
  });
});

describe('podMtuFor', () => {
  it('leaves room for exactly the bytes of the picture', () => {
    expect(OVERHEAD_BYTES).toBe(108);
    expect(podMtuFor(1500)).toBe(1392);
    expect(podMtuFor(9000)).toBe(8892);
  });

  it('never goes below the IPv6 minimum, whatever the underlay offers', () => {
    expect(podMtuFor(1280)).toBe(1280);
    expect(podMtuFor(0)).toBe(1280);
  });

  it('never exceeds what an IPv4 packet can hold', () => {
    expect(podMtuFor(1 << 20)).toBe(65535 - 108);
  });
});
