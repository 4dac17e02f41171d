import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { DATAGRAM_HEADER_BYTES, TYPE_RELAY } from './datagram-header.js';
import {
  CHANNEL_WORD,
  checkEnvelope,
  describeEnvelope,
  ENVELOPE_BYTES,
  innerDatagram,
  readEnvelope,
  TOKEN_WORD,
  wrapDatagram,
} from './relay-envelope.js';

const CHANNEL = { channel: 0xfeed002a, token: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8) };
const DATAGRAM = Uint8Array.from({ length: 40 }, (_, i) => (i === 0 ? 5 : i));

describe('an envelope of a relay', () => {
  it('has these bytes, with the lane of the datagram inside', () => {
    const envelope = Buffer.from(wrapDatagram(DATAGRAM, CHANNEL).subarray(0, ENVELOPE_BYTES)).toString('hex');
    expect(envelope).toBe('0801' + '0000' + 'feed002a' + '0102030405060708');
  });

  it('has channel and token in these words', () => {
    const words = new Uint32Array(wrapDatagram(DATAGRAM, CHANNEL).buffer);
    expect(words[CHANNEL_WORD]).toBe(0x2a00edfe);
    expect([words[TOKEN_WORD], words[TOKEN_WORD + 1]]).toEqual([0x04030201, 0x08070605]);
  });

  it('gives back what was wrapped', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: DATAGRAM_HEADER_BYTES + 1, maxLength: 200 }),
        fc.integer({ min: 1, max: 0xffffffff }),
        fc.uint8Array({ minLength: 8, maxLength: 8 }),
        (datagram, channel, token) => {
          const bytes = wrapDatagram(datagram, { channel, token });
          expect(readEnvelope(bytes)).toEqual({ channel, token });
          expect(innerDatagram(bytes)).toEqual(datagram);
          expect(checkEnvelope(bytes)).toBe(datagram[0] !== TYPE_RELAY);
        },
      ),
    );
  });

  it('is no envelope of another type, with less than a datagram in it, or with another envelope in it', () => {
    const bytes = wrapDatagram(DATAGRAM, CHANNEL);
    expect(checkEnvelope(bytes)).toBe(true);
    expect(checkEnvelope(DATAGRAM)).toBe(false);
    expect(checkEnvelope(bytes.subarray(0, ENVELOPE_BYTES + DATAGRAM_HEADER_BYTES))).toBe(false);
    expect(checkEnvelope(wrapDatagram(bytes, CHANNEL))).toBe(false);
    expect(checkEnvelope(new Uint8Array(0))).toBe(false);
  });

  it('is described in a line without its token', () => {
    expect(describeEnvelope(wrapDatagram(DATAGRAM, CHANNEL))).toBe(
      'relay envelope, channel 0xfeed002a, 40 bytes inside',
    );
    expect(describeEnvelope(DATAGRAM)).toBe('no relay envelope (40 bytes)');
  });
});
