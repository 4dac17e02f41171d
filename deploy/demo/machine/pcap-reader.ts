/**
 * Reader of the classic pcap format as a stream (IETF draft-ietf-opsawg-pcap): a header of 24 bytes, then per packet
 *
 *    0          4            8                12               16
 *   | seconds  | fraction   | captured bytes | original bytes | packet ...
 *
 * in the byte order of the writing machine. Ethernet only.
 */
import { DecodeError } from '../../../common/errors.js';

export interface CapturedPacket {
  /** Captured bytes; shares memory with the chunk. */
  readonly bytes: Buffer;
  readonly originalLength: number;
}

const MAGIC = 0xa1b2c3d4;
const FILE_HEADER_BYTES = 24;
const PACKET_HEADER_BYTES = 16;
const LINK_TYPE_ETHERNET = 1;
const MAX_PACKET_BYTES = 1 << 18;

export class PcapReader {
  /** Bounded by one packet and one chunk. */
  #pending: Buffer = Buffer.alloc(0);
  #littleEndian: boolean | null = null;

  /** Packets completed by `chunk`. Throws {@link DecodeError}. */
  push(chunk: Buffer): CapturedPacket[] {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    if (this.#littleEndian === null && !this.#readFileHeader()) return [];
    const packets: CapturedPacket[] = [];
    let at = 0;
    while (this.#pending.length - at >= PACKET_HEADER_BYTES) {
      const length = this.#u32(at + 8);
      if (length > MAX_PACKET_BYTES)
        throw new DecodeError(`capture has a packet of ${length} bytes, expected at most ${MAX_PACKET_BYTES}`);
      const end = at + PACKET_HEADER_BYTES + length;
      if (end > this.#pending.length) break;
      packets.push({
        bytes: this.#pending.subarray(at + PACKET_HEADER_BYTES, end),
        originalLength: this.#u32(at + 12),
      });
      at = end;
    }
    this.#pending = this.#pending.subarray(at);
    return packets;
  }

  #readFileHeader(): boolean {
    if (this.#pending.length < FILE_HEADER_BYTES) return false;
    this.#littleEndian = this.#pending.readUInt32LE(0) === MAGIC;
    if (this.#u32(0) !== MAGIC) throw new DecodeError('capture is not in pcap format with microseconds');
    if (this.#u32(20) !== LINK_TYPE_ETHERNET)
      throw new DecodeError(`capture has link type ${this.#u32(20)}, expected ${LINK_TYPE_ETHERNET} (Ethernet)`);
    this.#pending = this.#pending.subarray(FILE_HEADER_BYTES);
    return true;
  }

  #u32(at: number): number {
    return this.#littleEndian === true ? this.#pending.readUInt32LE(at) : this.#pending.readUInt32BE(at);
  }
}
