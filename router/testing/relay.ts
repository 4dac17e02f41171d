/**
 * Relay between two nodes in tests of loss and reordering: it holds every datagram and sends it on as the test says.
 * Datagrams leave one by one, so the receiving node gets no coalesced ones.
 */
import type { SocketAddress } from '../../common/address/socket-address.js';
import type { Conveyor } from './exchange.js';
import { DatagramSocket } from './datagram-socket.js';
import type { TestNode } from './test-node.js';

/** Treatment of a batch of datagrams: any list made of them, in any order. */
export type Fate = (datagrams: readonly Uint8Array[]) => readonly Uint8Array[];

export const untouched: Fate = (datagrams) => datagrams;

export class Relay implements Conveyor {
  /** A sends here; B sees it as A's address. */
  readonly #nearA = new DatagramSocket();
  readonly #nearB = new DatagramSocket();
  readonly #addressA: SocketAddress;
  readonly #addressB: SocketAddress;
  /** Applied to what goes from A to B. */
  fate: Fate = untouched;
  /** Everything that A has sent, for replays. */
  readonly seen: Uint8Array[] = [];

  constructor(a: TestNode, b: TestNode) {
    this.#addressA = a.address;
    this.#addressB = b.address;
  }

  /** Where A finds B, and B finds A. */
  get via(): { viaA: SocketAddress; viaB: SocketAddress } {
    return { viaA: this.#nearA.address, viaB: this.#nearB.address };
  }

  turn(): boolean {
    const forward = this.#nearA.receiveAll();
    this.seen.push(...forward);
    for (const datagram of this.fate(forward)) this.inject(datagram);
    const back = this.#nearB.receiveAll();
    for (const datagram of back) this.#nearA.send(this.#addressA, datagram);
    return forward.length > 0 || back.length > 0;
  }

  /** Sends to B as if it came from A. */
  inject(datagram: Uint8Array): void {
    this.#nearB.send(this.#addressB, datagram);
  }

  close(): void {
    this.#nearA.close();
    this.#nearB.close();
  }
}
