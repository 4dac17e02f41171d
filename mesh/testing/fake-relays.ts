/**
 * Envelopes of a simulated router (ADR 0044): channels of this node as an end, and pairs that it relays between. As the real router it
 * compares the token and the source, swaps the labels, and keeps nothing.
 */
import type { NodeId } from '../../common/node-id.js';
import type { OpenChannel, OpenRelay, RelayChannel, RelayEnd, Relaying, RelayRoute } from '../../common/router-port.js';
import { sameSocketAddress } from '../../common/address/socket-address.js';
import type { SocketAddress } from '../../common/address/socket-address.js';
import { RELAY_IDLE_MS } from '../../common/protocol.js';
import { ENVELOPE_BYTES } from '../../common/wire/relay-envelope.js';
import type { Envelope, Inner, Packet } from './packet.js';

export interface FakeRelaysDeps {
  /** The address of a peer whose path is direct, or null. */
  directEndpoint(peer: NodeId): SocketAddress | null;
  send(to: SocketAddress, packet: Packet, sizeBytes: number): void;
}

interface Pair {
  readonly opened: OpenRelay;
  usedMs: number;
}

export class FakeRelays {
  readonly #deps: FakeRelaysDeps;
  readonly #channels = new Map<number, OpenChannel>();
  readonly #pairs: Pair[] = [];

  constructor(deps: FakeRelaysDeps) {
    this.#deps = deps;
  }

  /** As a hello reports it. */
  get status(): Relaying {
    return { channels: [...this.#channels.values()], pairs: this.#pairs.map(({ opened }) => opened) };
  }

  openChannel(channel: OpenChannel): void {
    this.#channels.set(channel.channel.channel, channel);
  }

  closeChannel(channel: number): void {
    this.#channels.delete(channel);
  }

  openRelay(opened: OpenRelay, nowMs: number): void {
    for (const { receive } of opened.ends) this.closeRelay(receive.channel);
    this.#pairs.push({ opened, usedMs: nowMs });
  }

  closeRelay(channel: number): void {
    const at = this.#pairs.findIndex(({ opened: { ends } }) => ends.some(({ receive }) => receive.channel === channel));
    if (at >= 0) this.#pairs.splice(at, 1);
  }

  /** Closes what has to do with a peer that is removed. */
  removePeer(peer: NodeId): void {
    for (const [number, channel] of this.#channels) {
      if (channel.peer === peer || channel.relay === peer) this.#channels.delete(number);
    }
    for (const { ends } of this.status.pairs) {
      if (ends.some((end) => end.peer === peer)) this.closeRelay(ends[0].receive.channel);
    }
  }

  /** The way back of a channel, or null. */
  wayOf(channel: number): RelayRoute | null {
    const open = this.#channels.get(channel);
    return open?.send === undefined || open.send === null ? null : { peer: open.relay, channel: open.send };
  }

  send({ peer, channel }: RelayRoute, inner: Inner, sizeBytes: number): void {
    this.#pass(peer, { kind: 'envelope', channel, inner }, sizeBytes + ENVELOPE_BYTES);
  }

  /** Relays the envelope, or gives the channel that it is for; null when it is dropped. */
  receive(from: SocketAddress, envelope: Envelope, innerBytes: number, nowMs: number): OpenChannel | null {
    const number = envelope.channel.channel;
    const open = this.#channels.get(number);
    if (open !== undefined) return this.#isFrom(open.relay, from, open.channel, envelope) ? open : null;
    for (const pair of this.#pairs) {
      const [a, b] = pair.opened.ends;
      if (a.receive.channel === number) this.#relay(pair, [a, b], from, envelope, innerBytes, nowMs);
      else if (b.receive.channel === number) this.#relay(pair, [b, a], from, envelope, innerBytes, nowMs);
    }
    return null;
  }

  /** Pairs that were not used for long, by the receive channel of their first end. */
  idle(nowMs: number): number[] {
    const idle = this.#pairs.filter(({ usedMs }) => nowMs - usedMs >= RELAY_IDLE_MS);
    return idle.map(({ opened: { ends } }) => ends[0].receive.channel);
  }

  #relay(
    pair: Pair,
    [near, far]: readonly [RelayEnd, RelayEnd],
    from: SocketAddress,
    envelope: Envelope,
    innerBytes: number,
    nowMs: number,
  ): void {
    if (!this.#isFrom(near.peer, from, near.receive, envelope)) return;
    pair.usedMs = nowMs;
    this.#pass(far.peer, { ...envelope, channel: far.send }, innerBytes + ENVELOPE_BYTES);
  }

  #isFrom(peer: NodeId, from: SocketAddress, channel: RelayChannel, envelope: Envelope): boolean {
    const endpoint = this.#deps.directEndpoint(peer);
    const isToken = Buffer.compare(channel.token, envelope.channel.token) === 0;
    return isToken && endpoint !== null && sameSocketAddress(endpoint, from);
  }

  #pass(peer: NodeId, envelope: Envelope, sizeBytes: number): void {
    const endpoint = this.#deps.directEndpoint(peer);
    if (endpoint !== null) this.#deps.send(endpoint, envelope, sizeBytes);
  }
}
