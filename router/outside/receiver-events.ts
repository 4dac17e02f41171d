/** Events of the receiver of datagrams (`outside-receiver.ts`): what is no data, and what datagrams tell of their peer. */

/**
 * `address` is the arena offset of the sender's socket address, `local` that of the address it called, 0
 * when unknown. `channel` is the slot of the channel that the datagram came on, NO_CHANNEL without an envelope; with one, `address`
 * is the relay's.
 */
export interface ReceiverEvents {
  handshake(address: number, local: number, channel: number, datagram: Uint8Array): void;
  control(peer: number, message: Uint8Array): void;
  probe(peer: number, origin: Readonly<Origin>, unit: number, length: number, nowMs: number): void;
  confirmed(peer: number, session: number): void;
  roamed(peer: number, address: number, local: number): void;
  /** The peer calls another local address than before. */
  calledAt(peer: number, local: number): void;
  /** Data or control of a peer behind a relay, without an envelope. */
  heardDirectly(peer: number, address: number, local: number): void;
}

/** Where a probe came from, see {@link ReceiverEvents}. Overwritten by the next one. */
export interface Origin {
  address: number;
  local: number;
  channel: number;
}
