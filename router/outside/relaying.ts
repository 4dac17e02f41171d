/** Relays of one forwarding thread (ADR 0044): its channels, its forwarding for others, and handshake datagrams in envelopes. */
import type { RelayRoute, RouterCommand } from '../../common/router-port.js';
import { wrapDatagram } from '../../common/wire/relay-envelope.js';
import { DROP } from '../tables/drop-reasons.js';
import { MAX_DATAGRAM_BYTES } from './raw-sender.js';
import type { RawSender } from './raw-sender.js';
import { RelayChannels } from './relay-channels.js';
import { RelayRate } from './relay-rate.js';
import { Relay } from './relay.js';
import type { RelayDeps } from './relay.js';

export type RelayCommand = Extract<
  RouterCommand,
  { type: 'openChannel' | 'closeChannel' | 'openRelay' | 'closeRelay' }
>;

export interface RelayingDeps extends Omit<RelayDeps, 'channels' | 'rate'> {
  readonly lanes: number;
  readonly rawSender: RawSender;
}

export class Relaying {
  readonly channels: RelayChannels;
  readonly relay: Relay;

  constructor(private readonly deps: RelayingDeps) {
    this.channels = new RelayChannels(deps.arena, deps.peers);
    this.relay = new Relay({ ...deps, channels: this.channels, rate: new RelayRate(deps.lanes) });
  }

  execute(command: RelayCommand, nowMs: number): void {
    if (command.type === 'openChannel') this.channels.openChannel(command);
    else if (command.type === 'openRelay') this.channels.openRelay(command, nowMs);
    else this.channels.close(command.channel);
  }

  /** Sends a handshake datagram in an envelope to a relay, whose path must be direct. */
  sendThrough({ peer, channel }: RelayRoute, bytes: Uint8Array): void {
    const { peers, counters, rawSender } = this.deps;
    const relay = peers.find(peer);
    const envelope = wrapDatagram(bytes, channel);
    if (!peers.isDirect(relay) || envelope.length > MAX_DATAGRAM_BYTES) counters.drops[DROP.sendFailed]!++;
    else rawSender.sendTo(peers.addressAt(relay), peers.localAt(relay), envelope);
  }
}
