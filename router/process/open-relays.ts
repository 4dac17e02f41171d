/**
 * Channels and pairs of relays that the agent has opened and not closed, as it said them: for the agent that connects next, and for
 * the router that follows. Holds tokens and is never logged.
 */
import { MAX_RELAY_CHANNELS, MAX_RELAY_PAIRS } from '../../common/protocol.js';
import type { NodeId } from '../../common/node-id.js';
import type { OpenChannel, OpenRelay, Relaying, RouterCommand } from '../../common/router-port.js';
import { openerOf } from '../outside/relay-openers.js';

type CloseCommand = Extract<RouterCommand, { type: 'closeChannel' | 'closeRelay' }>;

export class OpenRelays {
  /** By the number of the channel; MAX_RELAY_CHANNELS at most, as in the threads. */
  readonly #channels = new Map<number, OpenChannel>();
  /** By the receive channel of each end; MAX_RELAY_PAIRS at most, as in the threads. */
  readonly #pairs = new Map<number, OpenRelay>();

  get relaying(): Relaying {
    return { channels: [...this.#channels.values()], pairs: [...new Set(this.#pairs.values())] };
  }

  note(command: RouterCommand): void {
    if (command.type === 'openChannel') this.#openChannel(command);
    else if (command.type === 'openRelay') this.#openRelay(command);
    else if (command.type === 'closeChannel' || command.type === 'closeRelay') this.#close(command.channel);
  }

  #openChannel({ channel, peer, relay, send = null }: OpenChannel): void {
    this.#close(channel.channel);
    if (this.#channels.size < MAX_RELAY_CHANNELS) this.#channels.set(channel.channel, { channel, peer, relay, send });
  }

  #openRelay(opened: OpenRelay): void {
    const { ends } = opened;
    const [a, b] = ends.map(({ receive }) => receive.channel);
    for (const number of [a!, b!]) this.#close(number);
    if (a === b || this.#pairs.size >= 2 * MAX_RELAY_PAIRS) return;
    const pair = { ends, opener: openerOf(opened) };
    for (const number of [a!, b!]) this.#pairs.set(number, pair);
  }

  /** The commands that close all that this peer has a part in. */
  without(peer: NodeId): CloseCommand[] {
    const { channels, pairs } = this.relaying;
    const itsChannels = channels.filter((channel) => channel.peer === peer || channel.relay === peer);
    const itsPairs = pairs.filter(({ ends }) => ends.some((end) => end.peer === peer));
    return [
      ...itsChannels.map(({ channel }) => ({ type: 'closeChannel', channel: channel.channel }) as const),
      ...itsPairs.map(({ ends }) => ({ type: 'closeRelay', channel: ends[0].receive.channel }) as const),
    ];
  }

  #close(number: number): void {
    this.#channels.delete(number);
    for (const { receive } of this.#pairs.get(number)?.ends ?? []) this.#pairs.delete(receive.channel);
  }
}
