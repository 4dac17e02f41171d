/**
 * Layout of sealed units in envelopes, for peers behind a relay (ADR 0044): each datagram begins with envelope and header, 32 bytes.
 * One place for each unit slot of the sender.
 */
import { MAX_FRAGMENTS } from '../../common/protocol.js';
import { DATAGRAM_HEADER_BYTES, HEADER_WORDS, TYPE_RELAY } from '../../common/wire/datagram-header.js';
import { CHANNEL_WORD, ENVELOPE_BYTES, TOKEN_WORD } from '../../common/wire/relay-envelope.js';
import type { Arena } from '../kernel/arena.js';
import { IOVEC_BYTES } from '../kernel/linux-abi.js';
import { UNIT_SLOTS } from '../limits.js';
import type { EnvelopeWords } from '../tables/envelope-words.js';

export const ENVELOPED_HEADER_BYTES = ENVELOPE_BYTES + DATAGRAM_HEADER_BYTES;
const HEAD_WORDS = ENVELOPED_HEADER_BYTES >>> 2;
const ENVELOPE_WORDS = ENVELOPE_BYTES >>> 2;

export class EnvelopedUnits {
  readonly #headsAt: number;
  readonly #iovecsAt: number;

  constructor(private readonly arena: Arena) {
    this.#headsAt = arena.allocate(UNIT_SLOTS * MAX_FRAGMENTS * ENVELOPED_HEADER_BYTES);
    this.#iovecsAt = arena.allocate(UNIT_SLOTS * MAX_FRAGMENTS * 2 * IOVEC_BYTES);
  }

  /**
   * Lays out the unit of `total` bytes at offset `unitAt`, in `fragments` pieces of `fragment` bytes.
   * @param headersAt offset of the headers of its datagrams, which are copied
   * @returns the offset of its iovecs, two a datagram
   */
  layOut(
    slot: number,
    envelope: EnvelopeWords,
    lane: number,
    headersAt: number,
    unitAt: number,
    fragment: number,
    fragments: number,
    total: number,
  ): number {
    const { arena } = this;
    const { u32 } = arena;
    const heads = this.#headsAt + slot * MAX_FRAGMENTS * ENVELOPED_HEADER_BYTES;
    const iovecs = this.#iovecsAt + slot * MAX_FRAGMENTS * 2 * IOVEC_BYTES;
    for (let i = 0; i < fragments; i++) {
      const word = (heads >>> 2) + i * HEAD_WORDS;
      u32[word] = TYPE_RELAY | (lane << 8);
      u32[word + CHANNEL_WORD] = envelope.channel;
      u32[word + TOKEN_WORD] = envelope.token0;
      u32[word + TOKEN_WORD + 1] = envelope.token1;
      const header = (headersAt >>> 2) + i * HEADER_WORDS;
      for (let j = 0; j < HEADER_WORDS; j++) u32[word + ENVELOPE_WORDS + j] = u32[header + j]!;
      const at = iovecs + i * 2 * IOVEC_BYTES;
      arena.writeAddress(at, word << 2);
      arena.writeLength(at + 8, ENVELOPED_HEADER_BYTES);
      arena.writeAddress(at + IOVEC_BYTES, unitAt + i * fragment);
      arena.writeLength(at + IOVEC_BYTES + 8, i === fragments - 1 ? total - i * fragment : fragment);
    }
    return iovecs;
  }
}
