/** Relays in both roles (ADR 0044): pairs that this node relays between, and relays that it uses. Reads the messages about them. */
import type { NodeId } from '../../common/node-id.js';
import type { RelayChannel, Relaying as HeldByRouter } from '../../common/router-port.js';
import type { SocketAddress } from '../../common/address/socket-address.js';
import { TOKEN_BYTES } from '../../common/wire/relay-envelope.js';
import { earlier } from '../deadlines.js';
import type { MeshEffect, MeshEvent, RandomSource } from '../mesh-io.js';
import { channelAddress, isChannelAddress } from '../peer/channel-address.js';
import type { Peer } from '../peer/peer.js';
import { encodeControl } from '../wire/control-message.js';
import type { RelayMessage } from '../wire/relay-messages.js';
import { RelayedPaths } from './relayed-paths.js';
import type { RelayedPathsDeps } from './relayed-paths.js';
import { Relays } from './relays.js';
import type { RelaysDeps } from './relays.js';

type Shared = 'isAble' | 'newChannel' | 'send' | 'relayFor';
type Datagram = Extract<MeshEvent, { type: 'datagram' }>;

export interface RelayingDeps extends Omit<RelayedPathsDeps, Shared>, Omit<RelaysDeps, Shared> {}

export class Relaying {
  readonly paths: RelayedPaths;
  readonly #relays: Relays;
  readonly #deps: RelayingDeps;
  /** The router knows relays. */
  #isAble = false;

  constructor(deps: RelayingDeps) {
    this.#deps = deps;
    const parts = {
      ...deps,
      isAble: () => this.#isAble,
      newChannel: () => newChannel(deps.random),
      send: (to: NodeId, message: RelayMessage) =>
        deps.emit({ type: 'sendControl', peer: to, bytes: encodeControl(message) }),
    };
    this.paths = new RelayedPaths(parts);
    this.#relays = new Relays({ ...parts, relayFor: (id, nowMs) => this.paths.relayFor(id, nowMs) });
  }

  /** Pairs that this node relays between. */
  get pairCount(): number {
    return this.#relays.count;
  }

  receive(from: Peer, message: RelayMessage, nowMs: number): void {
    if (!this.#relays.mayRead(from.id, nowMs)) return;
    switch (message.type) {
      case 'relayQuery':
        return this.#relays.answerQuery(from, message, nowMs);
      case 'relayOpen':
        return this.#relays.open(from, message, nowMs);
      case 'relayOffer':
        return this.paths.offered(from, message, nowMs);
      case 'relayOpened':
        return this.paths.opened(from, message, nowMs);
      case 'relayClosed':
        // Said by a relay to an end, or by an end to a relay.
        if (!this.paths.closed(from.id, message, nowMs)) this.#relays.closedByEnd(from.id, message, nowMs);
        return;
      case 'relayUsed':
        return this.paths.usedByPeer(from, message, nowMs);
    }
  }

  /** A router has connected. @param held null when it knows no relays; `isFirst`: no router was connected before */
  routerConnected(held: HeldByRouter | null, isFirst: boolean, nowMs: number): void {
    this.#isAble = held !== null;
    if (held === null) return;
    if (isFirst) {
      this.paths.adopt(held.channels, nowMs);
      this.#relays.adopt(held.pairs, nowMs);
    } else {
      this.paths.restore(held.channels);
      this.#relays.restore(held.pairs);
    }
  }

  /** Where a handshake datagram came from; null when its channel is not one of ours. */
  sourceOf({ from, channel }: Datagram): SocketAddress | null {
    if (channel === undefined) return from;
    const address = channelAddress(channel);
    return this.paths.routeAt(address) === null ? null : address;
  }

  /** The effect with the relay that its address stands for; null when that channel is closed. */
  addressed(effect: MeshEffect): MeshEffect | null {
    if (effect.type !== 'sendDatagram' || !isChannelAddress(effect.to)) return effect;
    const relay = this.paths.routeAt(effect.to);
    const endpoint = relay === null ? null : (this.#deps.peers.get(relay.peer)?.path.endpoint ?? null);
    return relay === null || endpoint === null ? null : { ...effect, to: endpoint, relay };
  }

  /** A pair that this node relays between has not been used for long. */
  idle(channel: number, nowMs: number): void {
    this.#relays.idle(channel, nowMs);
  }

  /** Whether the link to this member carries what others send, or what this node sends through it. */
  needs(id: NodeId): boolean {
    return this.#relays.needs(id) || this.paths.uses(id);
  }

  /** A link or a path changed, or something is due. */
  consider(peer: Peer, nowMs: number): void {
    this.#relays.consider(peer, nowMs);
    this.paths.consider(peer, nowMs);
  }

  /** The peer is gone. */
  forgotten(id: NodeId, nowMs: number): void {
    this.#relays.forgotten(id, nowMs);
    this.paths.forgotten(id, nowMs);
  }

  advance(nowMs: number): void {
    this.#relays.expire(nowMs);
    this.paths.advance(nowMs);
  }

  pollAt(): number | null {
    return earlier(this.#relays.pollAt(), this.paths.pollAt());
  }
}

function newChannel(random: RandomSource): RelayChannel {
  const channel = Buffer.from(random.bytes(4)).readUInt32BE() || 1;
  return { channel, token: random.bytes(TOKEN_BYTES) };
}
