/**
 * Words of a relay channel as they lie in an envelope (`common/wire/relay-envelope.ts`), in the byte order of the wire. Signed, so
 * that no number of the loop needs memory of its own.
 */
import type { RelayChannel } from '../../common/router-port.js';
import { swap32 } from '../kernel/byte-order.js';

export interface EnvelopeWords {
  readonly channel: number;
  readonly token0: number;
  readonly token1: number;
}

/** A channel number in the byte order of the wire. */
export function channelWord(channel: number): number {
  return swap32(channel) | 0;
}

export function envelopeWords({ channel, token }: RelayChannel): EnvelopeWords {
  const view = new DataView(token.buffer, token.byteOffset, token.byteLength);
  return {
    channel: channelWord(channel),
    token0: view.getInt32(0, true),
    token1: view.getInt32(4, true),
  };
}
