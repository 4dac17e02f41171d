import { describe, expect, it } from '@jest/globals';
import { parseCidr } from '../../common/address/cidr.js';
import { ipToBytes, parseIpAddress } from '../../common/address/ip-address.js';
import { parseMacAddress } from '../../common/address/mac-address.js';
import { attribute, nested } from '../../common/host/netlink-message.js';
import type { NetlinkRequest } from '../../common/host/netlink-runner.js';
import { deleteFlow, listAllFlows, listFlowsOf } from './flow-requests.js';
import { addElements, removeElements } from './guard-requests.js';
import {
  addVethPair,
  deleteLink,
  setLinkAlias,
  setLinkGroup,
  setLinkGsoMaxSize,
  setLinkMaster,
  setLinkMtu,
  setLinkUp,
  setLinkWithoutAddresses,
  setPortFlags,
} from './link-requests.js';
import {
  addAddress,
  deleteRoute,
  editRule,
  putRoute,
  replaceForwardingEntry,
  replaceNeighbour,
} from './route-requests.js';

const NUMBERS = {
  interfaceIndex: (name: string) => ({ eth0: 5, br0: 6 })[name] ?? 0,
  namespaceDescriptor: (path: string) => (path === '/run/netns/x' ? 9 : -1),
};
const MAC = parseMacAddress('0a:58:0a:01:00:02');
const [IP4, IP6] = [parseIpAddress('10.1.0.2'), parseIpAddress('fd00:1::2')];
const IP6_HEX = 'fd000001000000000000000000000002';
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

/** Attributes as `type: value`, values in hexadecimal. */
function attributesOf(bytes: Buffer): string[] {
  const found: string[] = [];
  for (let at = 0; at < bytes.length; at += (bytes.readUInt16LE(at) + 3) & ~3) {
    // The highest bit says that others are inside.
    found.push(`${bytes.readUInt16LE(at + 2) & 0x7fff}: ${hex(bytes.subarray(at + 4, at + bytes.readUInt16LE(at)))}`);
  }
  return found;
}

interface Message {
  readonly type: number;
  readonly flags: number;
  readonly header: string;
  readonly attributes: string[];
}

function read(request: NetlinkRequest, headerBytes: number): Message {
  return readMessage(request.compose(NUMBERS), headerBytes);
}

/** What the kernel reads: type, flags, header of the type, attributes. */
function readMessage(message: Uint8Array, headerBytes: number): Message {
  const bytes = Buffer.from(message);
  expect([bytes.readUInt32LE(0), bytes.length % 4, bytes.readUInt32LE(12)]).toEqual([bytes.length, 0, 0]);
  return {
    type: bytes.readUInt16LE(4),
    flags: bytes.readUInt16LE(6),
    header: hex(bytes.subarray(16, 16 + headerBytes)),
    attributes: attributesOf(bytes.subarray(16 + headerBytes)),
  };
}
const inner = (value: string, skip = 0) => attributesOf(Buffer.from(value.split(': ')[1]!, 'hex').subarray(skip));
const hexOf = (text: string) => hex(Buffer.from(`${text}\0`));
const nothing = '00'.repeat(16);
/** REQUEST and ACK; with CREATE and EXCL; with CREATE and REPLACE. */
const [CHANGE, ADD, REPLACE] = [0x5, 0x605, 0x505];
const ETH0 = '3: 6574683000';

describe('requests about interfaces', () => {
  const link = (request: NetlinkRequest) => read(request, 16);

  it('make a veth pair with the other end in a namespace', () => {
    const near = { name: 'hd0', mac: parseMacAddress('fe:00:00:00:00:01'), group: 26724 };
    const made = link(addVethPair(near, { name: 'eth0', mac: MAC, netns: '/run/netns/x' }, 1400));
    expect(made).toMatchObject({ type: 16, flags: ADD, header: nothing });
    const info = made.attributes.pop()!;
    expect(made.attributes).toEqual(['3: 68643000', '1: fe0000000001', '27: 64680000', '4: 78050000']);
    const [kind, data] = inner(info) as [string, string];
    expect([info.slice(0, 3), kind, data.slice(0, 2)]).toEqual(['18:', '1: 7665746800', '2:']);
    const [peer] = inner(data) as [string];
    expect(peer.startsWith(`1: ${nothing}`)).toBe(true);
    expect(inner(peer, 16)).toEqual([ETH0, '1: 0a580a010002', '4: 78050000', '28: 09000000']);
  });

  it('set one thing of an interface, found by its name', () => {
    const up = '00'.repeat(8) + '0100000001000000';
    expect(link(setLinkUp('eth0'))).toEqual({ type: 16, flags: CHANGE, header: up, attributes: [ETH0] });
    const set = (request: NetlinkRequest) => {
      const { type, flags, header, attributes } = link(request);
      expect([type, flags, header, attributes[0]]).toEqual([16, CHANGE, nothing, ETH0]);
      return attributes.slice(1).join();
    };
    expect(set(setLinkAlias('eth0', 'a|b'))).toBe('20: 617c6200');
    expect(set(setLinkGroup('eth0', 26724))).toBe('27: 64680000');
    expect(set(setLinkMtu('eth0', 1300))).toBe('4: 14050000');
    expect(set(setLinkGsoMaxSize('eth0', 61_440))).toBe('41: 00f00000');
    expect(set(setLinkMaster('eth0', 'br0'))).toBe('10: 06000000');
    const spec = set(setLinkWithoutAddresses('eth0'));
    expect([spec.slice(0, 3), inner(`: ${inner(spec)[0]!.split(': ')[1]!}`)]).toEqual(['26:', ['8: 01']]);
    expect(inner(spec)[0]!.slice(0, 3)).toBe('10:');
  });

  it('set the flags of a port as one', () => {
    const flags = { flood: false, mcast_flood: true, learning: false, hairpin: false, isolated: true };
    const [, info] = link(setPortFlags('eth0', flags)).attributes as [string, string];
    const [kind, data] = inner(info) as [string, string];
    expect([info.slice(0, 3), kind, data.slice(0, 2)]).toEqual(['18:', `4: ${hex(Buffer.from('bridge\0'))}`, '5:']);
    expect(inner(data)).toEqual(['9: 00', '27: 01', '8: 00', '4: 00', '33: 01']);
  });

  it('delete one', () => {
    expect(link(deleteLink('eth0'))).toEqual({ type: 17, flags: CHANGE, header: nothing, attributes: [ETH0] });
  });
});

describe('requests about addresses and neighbours', () => {
  it('add an address without a subnet, which IPv6 does not look for elsewhere', () => {
    const [four, six] = [read(addAddress(IP4, 'eth0'), 8), read(addAddress(IP6, 'eth0'), 8)];
    expect(four).toMatchObject({ type: 20, flags: ADD, header: '0220000005000000' });
    expect(four.attributes).toEqual(['2: 0a010002', '1: 0a010002']);
    expect(six).toMatchObject({ header: '0a80020005000000', attributes: [`2: ${IP6_HEX}`, `1: ${IP6_HEX}`] });
  });

  it('make a permanent neighbour', () => {
    expect(read(replaceNeighbour(IP6, MAC, 'eth0'), 12)).toEqual({
      ...{ type: 28, flags: REPLACE, header: '0a0000000500000080000000' },
      attributes: [`1: ${IP6_HEX}`, '2: 0a580a010002'],
    });
  });

  it('make a static, sticky forwarding entry of the bridge', () => {
    expect(read(replaceForwardingEntry(MAC, 'eth0'), 12)).toEqual({
      ...{ type: 28, flags: REPLACE, header: '070000000500000042004400' },
      attributes: ['2: 0a580a010002'],
    });
  });
});

describe('requests about routes and rules', () => {
  const route = (request: NetlinkRequest) => read(request, 12);

  it('replace the host route of a pod, of link scope in IPv4', () => {
    const [dst, source] = [parseCidr('10.1.0.2/32'), parseIpAddress('10.1.0.1')];
    expect(route(putRoute('replace', { dst, dev: 'eth0', source, protocol: 104 }))).toEqual({
      ...{ type: 24, flags: REPLACE, header: '02200000fe68fd0100000000' },
      attributes: ['1: 0a010002', '7: 0a010001', '4: 05000000'],
    });
    const six = route(putRoute('replace', { dst: parseCidr('fd00:1::2/128'), dev: 'eth0', protocol: 104 }));
    expect(six).toMatchObject({ header: '0a800000fe68000100000000', attributes: [`1: ${IP6_HEX}`, '4: 05000000'] });
  });

  it('add a route by a gateway, with a metric or in a table of its own', () => {
    const through = { dst: parseCidr('0.0.0.0/0'), dev: 'eth0', gateway: parseIpAddress('10.1.0.1'), source: IP4 };
    expect(route(putRoute('add', { ...through, metric: 10_000, table: null }))).toEqual({
      ...{ type: 24, flags: ADD, header: '02000000fe03000100000000' },
      attributes: ['1: 00000000', '5: 0a010001', '7: 0a010002', '6: 10270000', '4: 05000000'],
    });
    expect(route(putRoute('add', { ...through, table: 0x68056000 }))).toMatchObject({
      header: '020000000003000100000000',
      attributes: ['1: 00000000', '5: 0a010001', '7: 0a010002', '15: 00600568', '4: 05000000'],
    });
  });

  it('delete a route whatever its scope', () => {
    expect(route(deleteRoute(parseCidr('10.0.0.0/8'), 'eth0'))).toEqual({
      ...{ type: 25, flags: CHANGE, header: '02080000fe00ff0000000000' },
      attributes: ['1: 0a000000', '4: 05000000'],
    });
  });

  it('add and delete the rule for what is sent from an address', () => {
    const rule = { source: IP4, table: 0x68056000 };
    const attributes = ['2: 0a010002', '15: 00600568', '6: 10040000'];
    const header = (action: string) => `02002000000000${action}00000000`;
    expect(route(editRule('add', rule, 1040))).toEqual({ type: 32, flags: ADD, header: header('01'), attributes });
    expect(route(editRule('del', rule, 1040))).toEqual({ type: 33, flags: CHANGE, header: header('00'), attributes });
  });
});

describe('requests about the source guard', () => {
  it('add and delete elements with keys of name, MAC and address, padded, in a set for each family', () => {
    const elements = [IP4, IP6].map((ip) => ({ hostInterface: 'hd0', mac: MAC, ip }));
    const asRead = ({ message }: { message: Uint8Array }) => readMessage(message, 4);
    const [four, six] = addElements(elements).map(asRead) as [Message, Message];
    // Subsystem 10, message 12; REQUEST, ACK and CREATE; the family is the bridge.
    expect(four).toMatchObject({ type: 0xa0c, flags: 0x405, header: '07000000' });
    expect(four.attributes.slice(0, 2)).toEqual([`1: ${hexOf('heddle')}`, `2: ${hexOf('senders4')}`]);
    expect(six.attributes[1]).toBe(`2: ${hexOf('senders6')}`);
    const keys = [four, six].map(({ attributes }) => inner(inner(inner(attributes[2]!)[0]!)[0]!)[0]);
    const start = '68643000000000000000000000000000' + '0a580a0100020000';
    expect(keys).toEqual([`1: ${start}0a010002`, `1: ${start}${IP6_HEX}`]);
    const removed = removeElements(elements.slice(0, 1)).map(asRead);
    expect(removed.map(({ type, flags }) => [type, flags])).toEqual([
      [0xa0c, 0x405],
      [0xa0e, 0x5],
    ]);
    expect(removed[1]!.attributes).toEqual(removed[0]!.attributes);
  });
});

describe('requests about connections', () => {
  const flow = (source: string, destination: string, back: string) => {
    const tuple = (type: number, from: string, to: string) => {
      const ends = [from, to].map((ip, i) => attribute(i + 1, ipToBytes(parseIpAddress(ip))));
      return nested(type, nested(1, ...ends), attribute(2, Uint8Array.of(9)));
    };
    const parts = [tuple(1, source, destination), tuple(2, back, source), attribute(12, Uint8Array.of(1, 2, 3, 4))];
    return {
      type: 0x100,
      sequence: 1,
      errno: null,
      reason: '',
      body: Buffer.concat([Uint8Array.of(2, 0, 0, 0), ...parts]),
    };
  };

  it('list all, those with an IPv4 address in one of three places, or all of IPv6', () => {
    expect(readMessage(listAllFlows().message, 4)).toEqual({
      type: 0x101,
      flags: 0x301,
      header: nothing.slice(0, 8),
      attributes: [],
    });
    const lists = listFlowsOf([IP4]).map(({ message }) => readMessage(message, 4));
    const found = lists.map(({ attributes: [tuple, filter] }) => [
      tuple!.split(':')[0],
      inner(inner(tuple!)[0]!)[0],
      inner(filter!),
    ]);
    expect(found).toEqual([
      ['1', '1: 0a010002', ['1: 01000000', '2: 00000000']],
      ['1', '2: 0a010002', ['1: 02000000', '2: 00000000']],
      ['2', '1: 0a010002', ['1: 00000000', '2: 01000000']],
    ]);
    const [ipv6, ...more] = listFlowsOf([IP6, IP6]).map(({ message }) => readMessage(message, 4));
    expect([ipv6!.header, ipv6!.attributes, more]).toEqual(['0a000000', [], []]);
  });

  it('delete a connection with one of the addresses by its tuple and id, and no other', () => {
    const other = '10.9.0.1';
    expect(deleteFlow([IP4, IP6], flow(other, '10.9.0.2', '10.9.0.2'))).toBeNull();
    const flows = [flow(IP4, other, other), flow(other, IP4, IP4), flow(other, '10.96.0.1', IP4)];
    for (const each of flows) {
      const { type, flags, header, attributes } = readMessage(deleteFlow([IP6, IP4], each)!, 4);
      expect({ type, flags, header }).toEqual({ type: 0x102, flags: CHANGE, header: '02000000' });
      expect(attributes.map((one) => one.split(':')[0])).toEqual(['1', '12']);
      expect(attributes[1]).toBe('12: 01020304');
    }
  });
});
