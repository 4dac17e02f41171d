/** Shapes of what agent and router say of relays, in both directions (`common/router-port.ts`). */
import { TOKEN_BYTES } from '../wire/relay-envelope.js';
import { listOf, nodeId, object, orAbsent, orNull } from './message-shape.js';
import type { Check } from './message-shape.js';

const token: Check = (value) => value instanceof Uint8Array && value.length === TOKEN_BYTES;

/** @param number what is taken for the number of a channel */
export function relayShapes(number: Check) {
  const channel = object({ channel: number, token });
  const end = object({ peer: nodeId, receive: channel, send: channel });
  const ends: Check = (value) => listOf(end, 2)(value) && (value as unknown[]).length === 2;
  return {
    relayRoute: object({ peer: nodeId, channel }),
    openChannel: object({ channel, peer: nodeId, relay: nodeId, send: orAbsent(orNull(channel)) }),
    openRelay: object({ ends, opener: orAbsent(nodeId) }),
  };
}
