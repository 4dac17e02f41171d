/** Three test nodes: two ends whose sealed datagrams to each other go through a relay, and the relay, linked to both. */
import type { OpenRelay, RelayChannel, RelayRoute } from '../../common/router-port.js';
import { DatagramSocket } from './datagram-socket.js';
import type { TestNodeOptions } from './test-node.js';
import { link, TestNode } from './test-node.js';

export interface Channels {
  /** That the end chose, and that the relay chose for it. */
  readonly toEnd: RelayChannel;
  readonly toRelay: RelayChannel;
}

export function channel(number: number): RelayChannel {
  return { channel: number, token: Uint8Array.from({ length: 8 }, (_, i) => (number * 31 + i * 97) & 0xff) };
}

export class RelayTriangle {
  readonly a: TestNode;
  readonly b: TestNode;
  readonly relay: TestNode;
  /** What the ends take for each other's address: whatever comes here did not go through the relay. */
  readonly nowhere = new DatagramSocket();
  readonly channels = {
    a: { toEnd: channel(0x80000a11), toRelay: channel(0xa0000a22) },
    b: { toEnd: channel(0x00000b11), toRelay: channel(0xffffffff) },
  };

  constructor(options: Omit<TestNodeOptions, 'number'> = {}, relayOptions = options) {
    this.a = new TestNode({ number: 1, ...options });
    this.b = new TestNode({ number: 2, ...options });
    this.relay = new TestNode({ number: 3, ...relayOptions });
    const { a, b, relay, channels } = this;
    link(a, b, { viaA: this.nowhere.address, viaB: this.nowhere.address });
    link(a, relay);
    link(b, relay);
    relay.command({ type: 'openRelay', ...this.pair });
    for (const [end, other, { toEnd, toRelay }] of [
      [a, b, channels.a],
      [b, a, channels.b],
    ] as const) {
      end.command({ type: 'openChannel', channel: toEnd, peer: other.id, relay: relay.id, send: toRelay });
    }
    this.setCut(1500);
  }

  get nodes(): readonly TestNode[] {
    return [this.a, this.b, this.relay];
  }

  get pair(): OpenRelay {
    const { a, b, channels } = this;
    return {
      ends: [
        { peer: a.id, receive: channels.a.toRelay, send: channels.a.toEnd },
        { peer: b.id, receive: channels.b.toRelay, send: channels.b.toEnd },
      ],
    };
  }

  /** Path MTU between the ends, and fragments of a unit. */
  setCut(mtuBytes: number, fragmentBudget = 45): void {
    const { a, b, channels } = this;
    this.setPath(a, b, { peer: this.relay.id, channel: channels.a.toRelay }, mtuBytes);
    this.setPath(b, a, { peer: this.relay.id, channel: channels.b.toRelay }, mtuBytes);
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      from.forwarder.peers.setFragmentBudget(from.forwarder.peers.find(to.id), fragmentBudget);
    }
  }

  /** Sets the path of one end to the other, directly when `relay` is null. */
  setPath(
    from: TestNode,
    to: TestNode,
    relay: RelayRoute | null,
    mtuBytes = 1500,
    endpoint = this.nowhere.address,
  ): void {
    from.command({ type: 'path', path: { peer: to.id, endpoint, mtuBytes, relay } });
  }

  close(): void {
    for (const node of this.nodes) node.close();
    this.nowhere.close();
  }
}
