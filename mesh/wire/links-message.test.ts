import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { fuzzRuns } from '../../test/fuzz/fuzz-runs.js';
import { parseIpAddress } from '../../common/address/ip-address.js';
import type { NodeId } from '../../common/node-id.js';
import { decodeControl, encodeControl } from './control-message.js';
import {
  MAX_CIPHER_NAME_LENGTH,
  MAX_LINKS_PER_MESSAGE,
  MAX_POD_ADDRESSES,
  MAX_POD_NAME_LENGTH,
  MAX_PODS_PER_MESSAGE,
} from '../limits.js';
import { MAX_CONTROL_BYTES } from '../../common/protocol.js';
import { podsReport } from './links-message.js';
import type { LinkReport } from './links-message.js';

const ip = parseIpAddress('fd00::1');
const longestLink: LinkReport = {
  peer: 'f'.repeat(32) as NodeId,
  state: 'down',
  rttMs: Math.PI,
  mtuBytes: Number.MAX_SAFE_INTEGER,
  txBytes: Number.MAX_SAFE_INTEGER,
  rxBytes: Number.MAX_SAFE_INTEGER,
  cipher: '\u20ac'.repeat(MAX_CIPHER_NAME_LENGTH),
  isRelayed: true,
};

describe('the pods in an answer about links', () => {
  it('are the first ones of a node with very many, with the count of all', () => {
    const pods = Array.from({ length: 1000 }, (_, n) => ({ name: `default/web-${n}`, ips: [ip] }));
    const report = podsReport(pods);
    expect(report.count).toBe(1000);
    expect(report.list).toEqual(pods.slice(0, MAX_PODS_PER_MESSAGE));
  });

  it('always fit a message that peers accept, whatever their names and addresses', () => {
    const pod = fc.record({
      name: fc.string({
        minLength: 1,
        maxLength: 400,
        unit: fc.constantFrom('x', '\u00e9', '\u20ac', '\u{1f600}', '\ud800'),
      }),
      ips: fc.nat(20).map((count) => Array(count).fill(ip) as (typeof ip)[]),
    });
    const links = Array<LinkReport>(MAX_LINKS_PER_MESSAGE).fill(longestLink);
    fc.assert(
      fc.property(fc.array(pod, { minLength: 1, maxLength: 4 }), (some) => {
        const pods = podsReport(Array.from({ length: 300 }, (_, n) => some[n % some.length]!));
        const bytes = encodeControl({ type: 'links', links, pods });
        expect(bytes.length).toBeLessThanOrEqual(MAX_CONTROL_BYTES);
        expect(decodeControl(bytes)).toMatchObject({ type: 'links', pods: { count: 300 } });
        expect(pods.list.length).toBeGreaterThan(0);
      }),
      { numRuns: fuzzRuns(3) },
    );
  });

  it('have long names and long lists of addresses cut', () => {
    const { list } = podsReport([{ name: 'x'.repeat(1000), ips: Array(100).fill(ip) as (typeof ip)[] }]);
    expect(list.map(({ name, ips }) => [name.length, ips.length])).toEqual([[MAX_POD_NAME_LENGTH, MAX_POD_ADDRESSES]]);
  });
});
