/** What a forwarding thread does with what the receiver of datagrams finds that is no data: most of it goes to the agent. */
import { KIND_LOSS_REPORT, probeKind } from '../common/wire/probe-unit.js';
import type { ForwarderEvent } from './forwarder-messages.js';
import type { Arena } from './kernel/arena.js';
import { swap32 } from './kernel/byte-order.js';
import { LOCAL_ADDRESS_BYTES, readLocalAddress } from './kernel/packet-info.js';
import { readSocketAddress } from './kernel/socket-address-memory.js';
import type { LossReports } from './outside/loss-reports.js';
import type { Probes } from './outside/probes.js';
import type { ReceiverEvents } from './outside/receiver-events.js';
import type { RelayChannels } from './outside/relay-channels.js';
import { NO_CHANNEL } from './outside/relay-channels.js';
import type { PeerNotices } from './peer-notices.js';
import type { Peers } from './tables/peers.js';
import type { Sessions } from './tables/sessions.js';

export interface ReceivedEventsDeps {
  readonly arena: Arena;
  readonly peers: Peers;
  readonly sessions: Sessions;
  readonly channels: RelayChannels;
  readonly probes: Probes;
  readonly lossReports: LossReports;
  readonly notices: PeerNotices;
  nowMs(): number;
  emit(event: ForwarderEvent): void;
  /** The peer calls this local address, as `kernel/packet-info.ts` says. */
  setLocal(peer: number, local: Uint8Array): void;
}

export function receivedEvents(deps: ReceivedEventsDeps): ReceiverEvents {
  const { arena, peers, sessions, channels, probes, lossReports, notices } = deps;
  const emit = (event: ForwarderEvent): void => deps.emit(event);
  const idOf = (peer: number) => peers.idOf(peer)!;
  const localAddress = (at: number) => arena.u8.slice(at, at + LOCAL_ADDRESS_BYTES);
  const called = (local: number) => (local === 0 ? {} : { local: readLocalAddress(arena, local, peers.family) });
  return {
    handshake: (address, local, slot, bytes) => {
      const from = readSocketAddress(arena, address);
      if (slot !== NO_CHANNEL) return emit({ type: 'datagram', from, bytes, channel: channels.numberOf(slot) });
      emit({ type: 'datagram', from, bytes, ...called(local) });
    },
    control: (peer, bytes) => emit({ type: 'control', peer: idOf(peer), bytes }),
    probe: (peer, origin, unit, length, nowMs) => {
      const isReport = length > 0 && probeKind(arena.view, unit) === KIND_LOSS_REPORT;
      if (isReport) lossReports.receive(peer, unit, length, nowMs);
      else probes.receive(peer, origin, unit, length);
    },
    confirmed: (peer, session) => {
      const localIndex = swap32(sessions.wireIndexes[session]!);
      emit({ type: 'sessionConfirmed', peer: idOf(peer), localIndex });
    },
    roamed: (peer, address, local) => {
      const endpoint = readSocketAddress(arena, address);
      peers.setPath(peer, endpoint, null);
      emit({ type: 'roamed', peer: idOf(peer), endpoint, ...called(local) });
    },
    calledAt: (peer, local) => deps.setLocal(peer, localAddress(local)),
    heardDirectly: (peer, address, local) =>
      notices.heardDirectly(peer, () => ({ from: readSocketAddress(arena, address), ...called(local) }), deps.nowMs()),
  };
}
