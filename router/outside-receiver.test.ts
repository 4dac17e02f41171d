import { afterAll, beforeEach, describe, expect, it } from '@jest/globals';
import { selectAeadEngine } from './aead-selection.js';
import { Arena } from './arena.js';
import { Counters } from './counters.js';
import { DROP } from './drop-reasons.js';
import { HalfUnits } from './half-units.js';
import { InsideWriter } from './inside-writer.js';
import { AF_INET6 } from './linux-abi.js';
import { LossReports } from './loss-reports.js';
import { OutsideReceiver } from './outside-receiver.js';
import { Peers } from './peers.js';
import { Sessions } from './sessions.js';
import { DatagramSocket } from './testing/datagram-socket.js';
import { PacketPair } from './testing/packet-pair.js';
import { UnitSender } from './unit-sender.js';
import { negotiateUnderlay } from './underlay-socket.js';

const arena = new Arena(64 << 20);
const counters = new Counters();
const tap = new PacketPair();
const outside = new DatagramSocket();
const stranger = new DatagramSocket();
negotiateUnderlay(outside.fd);

const engine = selectAeadEngine(arena);
const peers = new Peers(arena, AF_INET6);
const sessions = new Sessions(engine, peers, 0);
const halfUnits = new HalfUnits(arena, counters);
const sender = new UnitSender(arena, outside.fd, peers, sessions, counters, true);
const writer = new InsideWriter(arena, tap.near, counters, true);
const lossReports = new LossReports(arena, peers, sessions, sender, counters);
const handshakes: Uint8Array[] = [];
const ignore = () => undefined;
const receiver = new OutsideReceiver(arena, outside.fd, peers, sessions, halfUnits, writer, counters, lossReports, 1, {
  handshake: (_address, datagram) => handshakes.push(datagram),
  control: ignore,
  probe: ignore,
  confirmed: ignore,
  roamed: ignore,
});
/** What the receiver allocated last lies right in front of this. */
const GUARD_BYTES = 256 << 10;
const guard = arena.allocate(GUARD_BYTES);

afterAll(() => {
  tap.close();
  outside.close();
  stranger.close();
});
beforeEach(() => {
  handshakes.length = 0;
  counters.drops.fill(0);
  arena.u8.fill(0x5a, guard, guard + GUARD_BYTES);
});

function receive(...datagrams: readonly Uint8Array[]): void {
  for (const datagram of datagrams) {
    stranger.send(outside.address, datagram);
    outside.wait(1000);
    receiver.drain(0);
  }
}

/** A handshake datagram: the one kind that is handed on as it came. */
function handshake(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i === 0 ? 1 : i * 7 + (i >>> 8)));
}

/** The largest datagrams that UDP over IPv4 has, some typical ones, and the smallest that are read. */
const LENGTHS = [32, 33, 1200, 1472, 1473, 8972, 32_768, 60_001, 65_504, 65_507];

describe('the receiver', () => {
  it.each(LENGTHS)('hands on a lone datagram of %d bytes as it came, whatever came before', (length) => {
    for (const before of LENGTHS) {
      handshakes.length = 0;
      receive(handshake(before), handshake(length));
      expect(handshakes.map((datagram) => datagram.length)).toEqual([before, length]);
      expect(Buffer.compare(handshakes[1]!, handshake(length))).toBe(0);
    }
  });

  it('writes nothing outside its own memory, whatever the sizes of what it is sent', () => {
    for (const first of LENGTHS) for (const second of LENGTHS) receive(handshake(first), handshake(second));
    expect(arena.u8.subarray(guard, guard + GUARD_BYTES).every((byte) => byte === 0x5a)).toBe(true);
  });

  it('counts what is shorter than any datagram of ours', () => {
    receive(new Uint8Array(0), handshake(1), handshake(15), handshake(16), handshake(31));
    expect(counters.drops[DROP.datagramTooShort]).toBe(5);
    expect(handshakes).toEqual([]);
  });

  it('counts types that do not exist', () => {
    for (const type of [0, 8, 9, 255]) receive(handshake(100).fill(type, 0, 1));
    expect(counters.drops[DROP.datagramUnknownType]).toBe(4);
  });
});
