/** What a peer (`P`) uses of the mesh core, the same for all peers. */
import type { SocketAddress } from '../../common/address/socket-address.js';
import type { NodeId } from '../../common/node-id.js';
import type { SessionSlots } from '../handshake/session-slots.js';
import type { Dialer } from './dial.js';
import type { Link } from './link.js';
import type { PeerPathDeps } from './peer-path.js';

export interface PeerDeps<P> extends PeerPathDeps {
  readonly ownId: NodeId;
  readonly dialer: Dialer;
  readonly slots: SessionSlots;
  /** The link went from one state to another. */
  linkChanged(peer: P, before: Link, nowMs: number): void;
  /** How much later than usual links go down. */
  graceMs(nowMs: number): number;
  /** Whether a handshake with the node has ever succeeded. */
  hasMet(id: NodeId): boolean;
  /** Addresses that stand for channels of relays with this peer. */
  channelsTo(id: NodeId): SocketAddress[];
  /** Whether the link is needed for what passes a relay, this node or the peer. */
  carriesOthers(id: NodeId): boolean;
}
