import { describe, expect, it } from '@jest/globals';
import { parseIpAddress } from '../../common/address/ip-address.js';
import { computedMac } from '../../common/address/mac-address.js';
import { Arena } from '../kernel/arena.js';
import { readArpRequest, readSolicitation, writeAdvertisement, writeArpReply } from './neighbour-responder.js';
import { addressWords } from '../tables/prefix-table.js';
import { internetChecksum, pseudoHeader } from '../testing/internet-checksum.js';

const arena = new Arena(1 << 16);
const FRAME = arena.allocate(256) + 2;
const L3 = FRAME + 14;
const REPLY = arena.allocate(256);
const request = { target: new Int32Array(4) };

function place(hexFrame: string): number {
  const frame = Buffer.from(hexFrame.replace(/\s/g, ''), 'hex');
  arena.u8.fill(0xa5, FRAME, FRAME + 200);
  arena.u8.set(frame, FRAME);
  return frame.length - 14;
}

function reply(length: number): string {
  return Buffer.from(arena.u8.subarray(REPLY, REPLY + length)).toString('hex');
}

const plainHex = (text: string): string => text.replace(/\s/g, '');

/** 10.1.0.5 at 0a:58:0a:01:00:05 asks for 10.2.0.7 (RFC 826). */
const ARP_REQUEST = `ffffffffffff 0a580a010005 0806
  0001 0800 06 04 0001  0a580a010005 0a010005  000000000000 0a020007`;
const ARP_REPLY = `00000000000000000000
  0a580a010005 0a580a020007 0806
  0001 0800 06 04 0002  0a580a020007 0a020007  0a580a010005 0a010005`;

describe('the reply to an ARP request', () => {
  it('is the golden frame, with the MAC that is computed from the address', () => {
    const length = place(ARP_REQUEST);
    expect(readArpRequest(arena, L3, length, request)).toBe(true);
    expect([...request.target]).toEqual([...addressWords(parseIpAddress('10.2.0.7'))]);
    expect(reply(writeArpReply(arena, L3, REPLY))).toBe(plainHex(ARP_REPLY));
    expect(computedMac(parseIpAddress('10.2.0.7'))).toBe('0a:58:0a:02:00:07');
  });

  it('responds to padded and unicast requests too', () => {
    expect(readArpRequest(arena, L3, place(`${ARP_REQUEST} ${'00'.repeat(18)}`), request)).toBe(true);
    const unicast = ARP_REQUEST.replace('ffffffffffff', '0a580a020007');
    expect(readArpRequest(arena, L3, place(unicast), request)).toBe(true);
  });

  it.each([
    ['a reply', ARP_REQUEST.replace('04 0001', '04 0002')],
    ['a probe for an address of its own (RFC 5227)', ARP_REQUEST.replace('0a010005  0', '00000000  0')],
    ['an announcement', ARP_REQUEST.replace('0a010005  0', '0a020007  0')],
    ['a request that is cut off', ARP_REQUEST.slice(0, -2)],
    ['another protocol', ARP_REQUEST.replace('0800 06', '0801 06')],
    ['another address length', ARP_REQUEST.replace('06 04', '06 10')],
  ])('is not given to %s', (_what, frame) => {
    expect(readArpRequest(arena, L3, place(frame), request)).toBe(false);
  });
});

/** fd00:0:1::5 asks for fd00:0:2::7 (RFC 4861, 4.3); the checksum is as Linux would send it. */
const SOLICITATION = `3333ff000007 0a5900000105 86dd
  60000000 0020 3a ff  fd000000000100000000000000000005  ff0200000000000000000001ff000007
  87 00 7c6f 00000000  fd000000000200000000000000000007  01 01 0a5900000105`;
const ADVERTISEMENT_HEAD = `00000000000000000000
  0a5900000105 MAC 86dd
  60000000 0020 3a ff  fd000000000200000000000000000007  fd000000000100000000000000000005
  88 00 SUM 60000000  fd000000000200000000000000000007  02 01 MAC`;

describe('the advertisement for a neighbour solicitation', () => {
  it('is the golden frame: solicited, overriding, with the computed MAC and a right checksum', () => {
    const length = place(SOLICITATION);
    expect(readSolicitation(arena, L3, length, request)).toBe(true);
    expect([...request.target]).toEqual([...addressWords(parseIpAddress('fd00:0:2::7'))]);
    const written = writeAdvertisement(arena, FRAME, L3, REPLY);
    const mac = computedMac(parseIpAddress('fd00:0:2::7')).replaceAll(':', '');
    const checksum = reply(written)
      .slice(2 * (10 + 14 + 40 + 2))
      .slice(0, 4);
    expect(reply(written)).toBe(plainHex(ADVERTISEMENT_HEAD.replaceAll('MAC', mac).replace('SUM', checksum)));
    const packet = arena.u8.slice(REPLY + 10 + 14, REPLY + written);
    const pseudo = pseudoHeader(packet.subarray(8, 24), packet.subarray(24, 40), 58, packet.length - 40);
    expect(internetChecksum(Uint8Array.of(...pseudo, ...packet.subarray(40)))).toBe(0);
  });

  it('responds to neighbour unreachability detection, which is unicast and has no option', () => {
    const unicast = SOLICITATION.replace('3333ff000007', '0a5900000207')
      .replace('ff0200000000000000000001ff000007', 'fd000000000200000000000000000007')
      .replace('01 01 0a5900000105', '');
    expect(readSolicitation(arena, L3, place(unicast), request)).toBe(true);
  });

  it.each([
    [
      'duplicate address detection, which has no source',
      SOLICITATION.replace('fd000000000100000000000000000005', '0'.repeat(32)),
    ],
    ['what was forwarded by a router', SOLICITATION.replace('3a ff', '3a fe')],
    ['an advertisement', SOLICITATION.replace('87 00', '88 00')],
    ['another code', SOLICITATION.replace('87 00', '87 01')],
    ['UDP', SOLICITATION.replace('3a ff', '11 ff')],
    ['a solicitation that is cut off', SOLICITATION.slice(0, SOLICITATION.indexOf('fd0000000002') + 28)],
  ])('is not given to %s', (_what, frame) => {
    expect(readSolicitation(arena, L3, place(frame), request)).toBe(false);
  });
});
