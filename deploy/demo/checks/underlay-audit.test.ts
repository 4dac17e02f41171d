import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { fuzzRuns } from '../../../test/fuzz/fuzz-runs.js';
import { ipToBytes, parseIpAddress } from '../../../common/address/ip-address.js';
import { MARKER, PING_PATTERN } from '../traffic/payload.js';
import { UnderlayAudit } from './underlay-audit.js';
import type { AuditFindings } from './underlay-audit.js';

const RULES = {
  nodeAddresses: ['192.168.99.1', '192.168.99.2', 'fd99::1', 'fd99::2'],
  podAddresses: ['10.32.1.2', '10.32.2.2', 'fd00:32:0:1::2', 'fd00:32:0:2::2'],
  port: 6785,
};
const UDP = 17;

const addressBytes = (text: string): Buffer => Buffer.from(ipToBytes(parseIpAddress(text)));

function ethernet(ethertype: number, content: Buffer): Buffer {
  const header = Buffer.alloc(14);
  header.writeUInt16BE(ethertype, 12);
  return Buffer.concat([header, content]);
}

function ipv4(from: string, to: string, protocol: number, content: Buffer, fragment = 0): Buffer {
  const header = Buffer.alloc(20);
  header[0] = 0x45;
  header.writeUInt16BE(fragment, 6);
  header[9] = protocol;
  return ethernet(0x0800, Buffer.concat([header.subarray(0, 12), addressBytes(from), addressBytes(to), content]));
}

function ipv6(from: string, to: string, next: number, content: Buffer): Buffer {
  const header = Buffer.alloc(8);
  header[0] = 0x60;
  header[6] = next;
  return ethernet(0x86dd, Buffer.concat([header, addressBytes(from), addressBytes(to), content]));
}

function udp(sourcePort: number, destinationPort: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt16BE(sourcePort, 0);
  header.writeUInt16BE(destinationPort, 2);
  return Buffer.concat([header, payload]);
}

function audit(...frames: Buffer[]): AuditFindings {
  const underlay = new UnderlayAudit(RULES);
  for (const bytes of frames) underlay.record({ bytes, originalLength: 1500 });
  return underlay.findings();
}

const SEALED = Buffer.alloc(64, 0xa5);

describe('UnderlayAudit', () => {
  it('counts UDP between nodes on our port, in both families, by its length on the wire', () => {
    const four = ipv4('192.168.99.1', '192.168.99.2', UDP, udp(6785, 6785, SEALED));
    const six = ipv6('fd99::1', 'fd99::2', UDP, udp(6785, 6785, SEALED));
    expect(audit(four, six)).toMatchObject({ packets: 2, meshPackets: 2, meshBytes: 3000, strangers: 0, leaks: 0 });
  });

  it('allows neighbour discovery', () => {
    const arp = ethernet(0x0806, Buffer.alloc(46));
    const solicitation = ipv6('fd99::1', 'fd99::2', 58, Buffer.alloc(24));
    const listenerReport = ipv6('fd99::1', 'ff02::16', 0, Buffer.concat([Buffer.from([58]), Buffer.alloc(27)]));
    expect(audit(arp, solicitation, listenerReport)).toMatchObject({ neighbourPackets: 3, strangers: 0 });
  });

  it.each([
    ['another port', ipv4('192.168.99.1', '192.168.99.2', UDP, udp(6785, 53, SEALED))],
    ['an address that is no node', ipv4('192.168.99.1', '192.168.99.250', UDP, udp(6785, 6785, SEALED))],
    ['TCP', ipv4('192.168.99.1', '192.168.99.2', 6, SEALED)],
    ['ICMP', ipv4('192.168.99.1', '192.168.99.2', 1, SEALED)],
    ['an IP fragment', ipv4('192.168.99.1', '192.168.99.2', UDP, udp(6785, 6785, SEALED), 0x2000)],
    ['an unknown protocol', ethernet(0x88cc, Buffer.alloc(46))],
    ['a runt', Buffer.alloc(10)],
    ['a truncated IPv6 header', ethernet(0x86dd, Buffer.alloc(30))],
  ])('counts %s as a stranger', (_name, frame) => {
    const findings = audit(frame);
    expect(findings).toMatchObject({ strangers: 1, meshPackets: 0 });
    expect(findings.examples).toHaveLength(1);
  });

  it.each([
    ['the marker', MARKER],
    ['the pattern of pings', PING_PATTERN],
    ['an IPv4 header of pods', Buffer.concat([addressBytes('10.32.1.2'), addressBytes('10.32.2.2')])],
    ['an IPv6 header of pods', Buffer.concat([addressBytes('fd00:32:0:2::2'), addressBytes('fd00:32:0:1::2')])],
  ])('finds %s at any offset', (_name, secret) => {
    for (let offset = 0; offset < 32; offset++) {
      const payload = Buffer.concat([SEALED.subarray(0, offset), secret, SEALED]);
      expect(audit(ipv4('192.168.99.1', '192.168.99.2', UDP, udp(6785, 6785, payload))).leaks).toBe(1);
    }
  });

  it('does not count single pod addresses, which may be chance, as a leak', () => {
    const payload = Buffer.concat([addressBytes('10.32.1.2'), SEALED, addressBytes('10.32.2.2')]);
    expect(audit(ipv4('192.168.99.1', '192.168.99.2', UDP, udp(6785, 6785, payload))).leaks).toBe(0);
  });

  it('keeps the first examples only', () => {
    const findings = audit(...new Array<Buffer>(100).fill(ipv4('192.168.99.1', '192.168.99.2', 6, MARKER)));
    expect(findings).toMatchObject({ strangers: 100, leaks: 100 });
    expect(findings.examples).toHaveLength(5);
  });

  it('takes any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(audit(Buffer.from(bytes)).packets).toBe(1);
      }),
      { numRuns: fuzzRuns(40) },
    );
  });
});
