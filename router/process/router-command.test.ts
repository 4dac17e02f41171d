import { describe, expect, it } from '@jest/globals';
import { DecodeError } from '../../common/errors.js';
import { decodeMsgpack, encodeMsgpack } from '../../common/codec/msgpack.js';
import { checkRouterCommand } from './router-command.js';

const peer = 'ab'.repeat(16);
const endpoint = { ip: '192.0.2.1', port: 6785 };
const local = '2001:db8::1';
const session = {
  peer,
  localIndex: 0x10001,
  remoteIndex: 0xffffffff,
  cipher: 'aes-256-gcm',
  sendKey: new Uint8Array(32),
  receiveKey: new Uint8Array(32),
};
const tables = {
  generation: 3,
  localCidrs: ['10.1.0.0/16', 'fd00::/64'],
  localAddresses: ['10.1.0.5', 'fd00::5'],
  routes: [{ cidr: '10.2.0.0/16', peer }],
};
const channel = (number: number) => ({ channel: number, token: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, number & 0xff) });
const relay = { peer: 'cd'.repeat(16), channel: channel(7) };
const ends = [
  { peer, receive: channel(1), send: channel(2) },
  { peer: relay.peer, receive: channel(3), send: channel(4) },
];
const change = { base: 1, generation: 2, localAddresses: null, removed: ['10.3.0.0/16'], routes: tables.routes };
const good = {
  tables: { type: 'tables', tables },
  tablesChange: { type: 'tablesChange', change },
  path: { type: 'path', path: { peer, endpoint, mtuBytes: 1500 } },
  installSession: { type: 'installSession', session },
  activateSession: { type: 'activateSession', localIndex: 1 },
  removeSession: { type: 'removeSession', localIndex: 1 },
  removePeer: { type: 'removePeer', peer },
  sendDatagram: { type: 'sendDatagram', to: endpoint, bytes: Uint8Array.of(1) },
  sendControl: { type: 'sendControl', peer, bytes: Uint8Array.of(1) },
  probe: { type: 'probe', peer, probeId: 0xffffffff, sizeBytes: 1500 },
  'path through a relay': { type: 'path', path: { peer, endpoint, mtuBytes: 1500, relay } },
  'path that is direct again': { type: 'path', path: { peer, endpoint, mtuBytes: 1500, relay: null } },
  'sendDatagram through a relay': { type: 'sendDatagram', to: endpoint, bytes: Uint8Array.of(1), relay },
  'sendDatagram that answers': { type: 'sendDatagram', to: endpoint, bytes: Uint8Array.of(1), local, peer: null },
  'sendDatagram to a peer': { type: 'sendDatagram', to: endpoint, bytes: Uint8Array.of(1), local: null, peer },
  'path of a peer that called': { type: 'path', path: { peer, endpoint, mtuBytes: 1500, local } },
  'direct probe': { type: 'probe', peer, probeId: 1, sizeBytes: 1500, direct: true },
  'probe on a channel': { type: 'probe', peer, probeId: 1, sizeBytes: 1500, channel: 0xffffffff },
  openChannel: { type: 'openChannel', channel: channel(9), peer, relay: relay.peer, send: channel(7) },
  'openChannel without a way back': { type: 'openChannel', channel: channel(9), peer, relay: relay.peer },
  closeChannel: { type: 'closeChannel', channel: 9 },
  openRelay: { type: 'openRelay', ends, opener: peer },
  'openRelay of an older agent': { type: 'openRelay', ends },
  closeRelay: { type: 'closeRelay', channel: 1 },
  expectSession: { type: 'expectSession', localIndex: 0xffffffff },
  reportChanges: { type: 'reportChanges' },
  deactivateSession: { type: 'deactivateSession', localIndex: 1 },
};

describe('a command of the agent', () => {
  it.each(Object.entries(good))('%s is accepted as it comes over the port', (_type, command) => {
    const received = decodeMsgpack(encodeMsgpack(command), 1 << 20);
    expect(checkRouterCommand(received)).toEqual(received);
  });

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['text', 'tables'],
    ['a list', [good.probe]],
    ['no type', {}],
    ['a type that is none', { type: 'stop' }],
    ['a report, which only the router itself asks for', { type: 'report' }],
    ['a field that is missing', { type: 'probe', peer, probeId: 1 }],
    ['an index of 0', { type: 'activateSession', localIndex: 0 }],
    ['an index beyond 32 bits', { type: 'activateSession', localIndex: 2 ** 32 }],
    ['an index that is no integer', { type: 'activateSession', localIndex: 1.5 }],
    ['a peer in upper case', { type: 'removePeer', peer: 'AB'.repeat(16) }],
    ['a short key', { type: 'installSession', session: { ...session, sendKey: new Uint8Array(31) } }],
    ['a key as text', { type: 'installSession', session: { ...session, receiveKey: 'x'.repeat(32) } }],
    ['a cipher that is none', { type: 'installSession', session: { ...session, cipher: 'null' } }],
    ['a path without room for anything', { type: 'path', path: { peer, endpoint, mtuBytes: 575 } }],
    ['a path beyond IP', { type: 'path', path: { peer, endpoint, mtuBytes: 65536 } }],
    ['a channel of 0', { type: 'closeChannel', channel: 0 }],
    ['a short token', { ...good.openChannel, send: { channel: 1, token: new Uint8Array(7) } }],
    ['a pair of one end', { type: 'openRelay', ends: ends.slice(1) }],
    ['a pair opened by no node', { type: 'openRelay', ends, opener: 'n1' }],
    ['a pair of three ends', { type: 'openRelay', ends: [...ends, ends[0]] }],
    ['a relay without a channel', { type: 'path', path: { ...good.path.path, relay: { peer } } }],
    ['a port of 0', { type: 'sendDatagram', to: { ip: '192.0.2.1', port: 0 }, bytes: new Uint8Array(1) }],
    ['an endpoint that is a name', { type: 'path', path: { peer, endpoint: { ip: 'host', port: 1 }, mtuBytes: 1500 } }],
    ['a datagram from nowhere', { type: 'sendDatagram', to: endpoint, local: '', bytes: new Uint8Array(1) }],
    ['a path from an interface', { type: 'path', path: { peer, endpoint, mtuBytes: 1500, local: 'fe80::1%eth0' } }],
    ['a datagram to nowhere', { type: 'sendDatagram', to: { ip: '', port: 1 }, bytes: new Uint8Array(1) }],
    ['an octal address', { type: 'tables', tables: { ...tables, localAddresses: ['010.1.1.1'] } }],
    ['a removed CIDR with host bits', { type: 'tablesChange', change: { ...change, removed: ['10.2.0.1/16'] } }],
    ['a changed route to nobody', { type: 'tablesChange', change: { ...change, routes: [{ cidr: '10.2.0.0/16' }] } }],
    ['a CIDR with host bits', { type: 'tables', tables: { ...tables, routes: [{ cidr: '10.2.0.1/16', peer }] } }],
    ['a local CIDR without a prefix', { type: 'tables', tables: { ...tables, localCidrs: ['10.1.0.0'] } }],
    [
      'a route to a malformed node id',
      { type: 'tables', tables: { ...tables, routes: [{ cidr: '10.2.0.0/16', peer: 'x' }] } },
    ],
    [
      'more local CIDRs than there may be',
      { type: 'tables', tables: { ...tables, localCidrs: new Array(65).fill('10.0.0.0/8') } },
    ],
  ])('is refused with a DecodeError when it is, or has, %s', (_what, command) => {
    expect(() => checkRouterCommand(command)).toThrow(DecodeError);
  });

  it('is refused without its keys in the error', () => {
    const secret = 'the key itself, for which no one asked';
    const command = { type: 'installSession', session: { ...session, sendKey: secret } };
    let message = '';
    try {
      checkRouterCommand(command);
    } catch (thrown) {
      message = String(thrown);
    }
    expect(message).toContain('malformed');
    expect(message).not.toContain('itself');
  });
});
