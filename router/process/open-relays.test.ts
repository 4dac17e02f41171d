import { describe, expect, it } from '@jest/globals';
import { MAX_RELAY_CHANNELS, MAX_RELAY_PAIRS } from '../../common/protocol.js';
import type { NodeId } from '../../common/node-id.js';
import type { RelayChannel, RelayEnd } from '../../common/router-port.js';
import { OpenRelays } from './open-relays.js';

const id = (n: number): NodeId => n.toString(16).padStart(32, '0') as NodeId;
const channel = (number: number): RelayChannel => ({ channel: number, token: new Uint8Array(8).fill(number) });
const end = (peer: number, number: number): RelayEnd => ({
  peer: id(peer),
  receive: channel(number),
  send: channel(number + 1000),
});
const open = (number: number, peer = 1, relay = 2) =>
  ({ type: 'openChannel', channel: channel(number), peer: id(peer), relay: id(relay), send: null }) as const;
const relay = (a: RelayEnd, b: RelayEnd, opener = b.peer) => ({ type: 'openRelay', ends: [a, b], opener }) as const;

/** All that is open, as the commands that open it again. */
function opened({ relaying: { channels, pairs } }: OpenRelays): unknown[] {
  return [
    ...channels.map((one) => ({ type: 'openChannel', ...one })),
    ...pairs.map((pair) => ({ type: 'openRelay', ...pair })),
  ];
}

describe('what the agent has opened', () => {
  it('is listed until it is closed, by either channel of a pair', () => {
    const relays = new OpenRelays();
    relays.note(open(1));
    relays.note(relay(end(1, 11), end(2, 12)));
    relays.note(relay(end(1, 13), end(3, 14)));
    const commands = [open(1), relay(end(1, 11), end(2, 12)), relay(end(1, 13), end(3, 14))];
    expect(opened(relays)).toEqual(commands);
    relays.note({ type: 'closeRelay', channel: 12 });
    relays.note({ type: 'closeChannel', channel: 1 });
    relays.note({ type: 'closeChannel', channel: 99 });
    expect(opened(relays)).toEqual(commands.slice(2));
  });

  it('is charged to the first end of a pair whose agent does not say which one opened it', () => {
    const relays = new OpenRelays();
    const { type, ends } = relay(end(1, 11), end(2, 12));
    relays.note({ type, ends });
    expect(relays.relaying.pairs).toEqual([{ ends, opener: id(1) }]);
  });

  it('is replaced by the same channel', () => {
    const relays = new OpenRelays();
    relays.note(open(1));
    relays.note(open(1, 5));
    relays.note(relay(end(1, 11), end(2, 12)));
    relays.note(relay(end(1, 12), end(2, 13)));
    expect(opened(relays)).toEqual([open(1, 5), relay(end(1, 12), end(2, 13))]);
  });

  it('is bounded, and a pair needs two channels', () => {
    const relays = new OpenRelays();
    for (let i = 1; i <= MAX_RELAY_CHANNELS + 1; i++) relays.note(open(i));
    for (let i = 0; i <= MAX_RELAY_PAIRS; i++) relays.note(relay(end(1, 10_000 + 2 * i), end(2, 10_001 + 2 * i)));
    relays.note({ type: 'closeRelay', channel: 10_000 });
    relays.note(relay(end(1, 7_000), end(2, 7_000)));
    const { channels, pairs } = relays.relaying;
    expect([channels.length, pairs.length]).toEqual([MAX_RELAY_CHANNELS, MAX_RELAY_PAIRS - 1]);
  });

  it('names what a peer has a part in', () => {
    const relays = new OpenRelays();
    relays.note(open(1, 7, 2));
    relays.note(open(2, 1, 7));
    relays.note(open(3, 1, 2));
    relays.note(relay(end(1, 11), end(7, 12)));
    relays.note(relay(end(1, 13), end(2, 14)));
    expect(relays.without(id(7))).toEqual([
      { type: 'closeChannel', channel: 1 },
      { type: 'closeChannel', channel: 2 },
      { type: 'closeRelay', channel: 11 },
    ]);
  });
});
