/** nflog in memory: datagrams as the kernel sends them, made from prefixes and packets. */
import type { PacketLog } from '../drops/drop-watch.js';

const MESSAGE_PACKET = 4 << 8;
const [PAYLOAD, PREFIX, TIMESTAMP] = [9, 10, 3];

export class FakePacketLog implements PacketLog {
  readonly waiting: Uint8Array[] = [];
  isClosed = false;

  receive(): Uint8Array | null {
    return this.waiting.shift() ?? null;
  }

  close(): void {
    this.isClosed = true;
  }
}

/** One datagram with a message for each of the packets. */
export function nflogDatagram(...drops: readonly { prefix: string; packet: Uint8Array }[]): Uint8Array {
  return Buffer.concat(
    drops.map(({ prefix, packet }) => {
      const attributes = Buffer.concat([
        attribute(TIMESTAMP, new Uint8Array(16)),
        attribute(PREFIX, Buffer.from(`${prefix}\0`)),
        attribute(PAYLOAD, packet),
      ]);
      const header = Buffer.alloc(20);
      header.writeUInt32LE(20 + attributes.length, 0);
      header.writeUInt16LE(MESSAGE_PACKET, 4);
      return Buffer.concat([header, attributes]);
    }),
  );
}

function attribute(type: number, value: Uint8Array): Buffer {
  const bytes = Buffer.alloc((4 + value.length + 3) & ~3);
  bytes.writeUInt16LE(4 + value.length, 0);
  bytes.writeUInt16LE(type, 2);
  bytes.set(value, 4);
  return bytes;
}

/** IPv4 packet with the ports of TCP. */
export function tcpPacket(source: string, destination: string, port: number): Uint8Array {
  const packet = Buffer.alloc(40);
  packet.set([0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6], 0);
  packet.set(source.split('.').map(Number), 12);
  packet.set(destination.split('.').map(Number), 16);
  packet.writeUInt16BE(40_000, 20);
  packet.writeUInt16BE(port, 22);
  return packet;
}
