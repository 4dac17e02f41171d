import { beforeEach, describe, expect, it } from '@jest/globals';
import { parseSocketAddress } from '../../common/address/socket-address.js';
import { MAX_RELAY_CHANNELS, MAX_RELAY_PAIRS } from '../../common/protocol.js';
import type { NodeId } from '../../common/node-id.js';
import type { OpenRelay, RelayChannel } from '../../common/router-port.js';
import { wrapDatagram } from '../../common/wire/relay-envelope.js';
import { Arena } from '../kernel/arena.js';
import { AF_INET6, SOCKADDR_ROOM } from '../kernel/linux-abi.js';
import { writeSocketAddress } from '../kernel/socket-address-memory.js';
import { DROP } from '../tables/drop-reasons.js';
import { envelopeWords } from '../tables/envelope-words.js';
import { Peers } from '../tables/peers.js';
import { NO_CHANNEL, RelayChannels } from './relay-channels.js';

const id = (n: number): NodeId => n.toString(16).padStart(32, '0') as NodeId;
const channel = (number: number): RelayChannel => ({
  channel: number,
  token: Uint8Array.from({ length: 8 }, (_, i) => (number >>> i) & 0xff),
});
const endpoint = (n: number) => parseSocketAddress(`192.0.2.${n}`, 6785);

let arena: Arena;
let peers: Peers;
let channels: RelayChannels;
let envelopeAt: number;
let senderAt: number;
beforeEach(() => {
  arena = new Arena(1 << 20);
  peers = new Peers(arena, AF_INET6);
  channels = new RelayChannels(arena, peers);
  envelopeAt = arena.allocate(64);
  senderAt = arena.allocate(SOCKADDR_ROOM);
  for (const n of [1, 2, 3]) peers.setPath(peers.indexOf(id(n)), endpoint(n), 1500);
});

const pair = (first: number, a = 1, b = 2): OpenRelay => ({
  ends: [
    { peer: id(a), receive: channel(first), send: channel(first + 10_000) },
    { peer: id(b), receive: channel(first + 1), send: channel(first + 10_001) },
  ],
});

function find(envelope: RelayChannel): number {
  arena.u8.set(wrapDatagram(new Uint8Array(20), envelope), envelopeAt);
  return channels.find(envelopeAt >>> 2);
}

/** The reason to drop an envelope with this label from the address of a peer. */
function refusal(envelope: RelayChannel, from: number): number | null {
  const slot = find(envelope);
  writeSocketAddress(arena, senderAt, endpoint(from), AF_INET6);
  return channels.refusal(slot, envelopeAt >>> 2, senderAt);
}

describe('the channel of an end', () => {
  it('is found by any number, takes envelopes with its token from its relay, and knows the way back', () => {
    for (const number of [1, 0x7fffffff, 0x80000000, 0xffffffff]) {
      channels.openChannel({ channel: channel(number), peer: id(9), relay: id(1), send: channel(5) });
      const slot = find(channel(number));
      expect([channels.isRelays(slot), channels.numberOf(slot), channels.ownChannel(number)]).toEqual([
        false,
        number,
        slot,
      ]);
      expect(channels.wayBack(slot)).toEqual(envelopeWords(channel(5)));
      expect(refusal(channel(number), 1)).toBeNull();
      expect(refusal({ ...channel(number), token: channel(number + 1).token }, 1)).toBe(DROP.relayWrongToken);
      expect(refusal(channel(number), 2)).toBe(DROP.relayWrongSource);
    }
    expect(find(channel(2))).toBe(NO_CHANNEL);
  });

  it('takes envelopes from where the relay is now, and none while its path is not direct', () => {
    channels.openChannel({ channel: channel(7), peer: id(9), relay: id(1) });
    const relay = peers.find(id(1));
    peers.setPath(relay, endpoint(77), 1500);
    expect([refusal(channel(7), 1), refusal(channel(7), 77)]).toEqual([DROP.relayWrongSource, null]);
    peers.setPath(relay, endpoint(77), 1500, { peer: id(2), channel: channel(8) });
    expect([refusal(channel(7), 77), refusal(channel(7), 2)]).toEqual([DROP.relayWrongSource, DROP.relayWrongSource]);
  });

  it('is replaced by the same number, and gone when closed or when the relay is forgotten', () => {
    channels.openChannel({ channel: channel(7), peer: id(9), relay: id(1), send: channel(5) });
    channels.openChannel({ channel: channel(7), peer: id(9), relay: id(2) });
    expect([refusal(channel(7), 1), refusal(channel(7), 2)]).toEqual([DROP.relayWrongSource, null]);
    expect(channels.wayBack(find(channel(7)))).toBeNull();
    channels.close(7);
    expect(find(channel(7))).toBe(NO_CHANNEL);
    channels.openChannel({ channel: channel(7), peer: id(9), relay: id(2) });
    channels.forget(peers.find(id(2)));
    expect(find(channel(7))).toBe(NO_CHANNEL);
  });

  it('is one of MAX_RELAY_CHANNELS, which pairs do not take from', () => {
    for (let i = 1; i <= MAX_RELAY_CHANNELS + 1; i++) {
      channels.openChannel({ channel: channel(i), peer: id(9), relay: id(1) });
    }
    expect([find(channel(MAX_RELAY_CHANNELS)), find(channel(MAX_RELAY_CHANNELS + 1))]).not.toContain(undefined);
    expect(find(channel(MAX_RELAY_CHANNELS + 1))).toBe(NO_CHANNEL);
    channels.openRelay(pair(5000), 0);
    expect(channels.isRelays(find(channel(5000)))).toBe(true);
    channels.close(1);
    channels.openChannel({ channel: channel(9999), peer: id(9), relay: id(1) });
    expect(find(channel(9999))).not.toBe(NO_CHANNEL);
  });
});

describe('a pair', () => {
  it('has a channel for each end, each of which leads to the other', () => {
    channels.openRelay(pair(20), 0);
    const [a, b] = [find(channel(20)), find(channel(21))];
    expect([channels.otherEnd(a), channels.otherEnd(b)]).toEqual([b, a]);
    expect([channels.peerOf(a), channels.peerOf(b)]).toEqual([peers.find(id(1)), peers.find(id(2))]);
    expect(channels.wayBack(b)).toEqual(envelopeWords(channel(10_021)));
    expect([refusal(channel(20), 1), refusal(channel(20), 2)]).toEqual([null, DROP.relayWrongSource]);
    // Probes are not sent over other nodes' pairs.
    expect(channels.ownChannel(20)).toBe(NO_CHANNEL);
  });

  it.each([20, 21])('is closed wholly by channel %d', (number) => {
    channels.openRelay(pair(20), 0);
    channels.close(number);
    expect([find(channel(20)), find(channel(21)), channels.idleTimes(0)]).toEqual([NO_CHANNEL, NO_CHANNEL, []]);
  });

  it('is closed when an end is forgotten, and replaced by another with one of its channels', () => {
    channels.openRelay(pair(20), 0);
    channels.openRelay(pair(30, 1, 3), 0);
    channels.forget(peers.find(id(2)));
    expect([find(channel(20)), find(channel(21))]).toEqual([NO_CHANNEL, NO_CHANNEL]);
    channels.openRelay(pair(31, 2, 3), 0);
    expect(find(channel(30))).toBe(NO_CHANNEL);
    expect(channels.idleTimes(0)).toEqual([{ channel: 31, idleForMs: 0 }]);
  });

  it('is one of MAX_RELAY_PAIRS, and has two channels', () => {
    for (let i = 0; i <= MAX_RELAY_PAIRS; i++) channels.openRelay(pair(100 + 2 * i), 0);
    expect(channels.idleTimes(0)).toHaveLength(MAX_RELAY_PAIRS);
    channels.close(100);
    const { ends } = pair(9000);
    channels.openRelay({ ends: [ends[0], { ...ends[1], receive: ends[0].receive }] }, 0);
    expect(channels.idleTimes(0)).toHaveLength(MAX_RELAY_PAIRS - 1);
    channels.openRelay(pair(9000), 0);
    expect(channels.idleTimes(0)).toHaveLength(MAX_RELAY_PAIRS);
  });

  it('is idle since the last datagram of either end, or since it was opened', () => {
    channels.openRelay(pair(20), 1000);
    expect(channels.idleTimes(1500)).toEqual([{ channel: 20, idleForMs: 500 }]);
    channels.noteUse(find(channel(21)), 2000);
    channels.noteUse(find(channel(20)), 1200);
    expect(channels.idleTimes(2500)).toEqual([{ channel: 20, idleForMs: 500 }]);
  });
});
