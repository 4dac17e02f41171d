/** Work of a simulated router with a packet that has arrived: most of all work, so that it is one object without closures. */
import type { SocketAddress } from '../../common/address/socket-address.js';
import type { FakeRouter } from './fake-router.js';
import type { NodeCosts } from './node-costs.js';
import type { Packet } from './packet.js';
import type { ProcessorClock, Work } from './sim-processor.js';

export class Reception implements Work {
  readonly #world: ProcessorClock;
  readonly #costs: NodeCosts;
  readonly #router: FakeRouter;
  readonly #from: SocketAddress;
  readonly #packet: Packet;

  constructor(world: ProcessorClock, costs: NodeCosts, router: FakeRouter, from: SocketAddress, packet: Packet) {
    this.#world = world;
    this.#costs = costs;
    this.#router = router;
    this.#from = from;
    this.#packet = packet;
  }

  run(): number {
    return this.#costs.packet();
  }

  done(): void {
    this.#router.receive(this.#from, this.#packet, this.#world.nowMs);
  }
}
