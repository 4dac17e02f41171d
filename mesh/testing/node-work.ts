/** Work of a simulated node that most of all work is: objects without closures, so that thousands of nodes leave little garbage. */
import type { SocketAddress } from '../../common/address/socket-address.js';
import type { Mesh } from '../mesh.js';
import type { MeshEffect, MeshEvent } from '../mesh-io.js';
import type { FakeRouter } from './fake-router.js';
import type { NodeCosts } from './node-costs.js';
import type { Packet } from './packet.js';
import type { ProcessorClock, Work } from './sim-processor.js';

const NONE: readonly MeshEffect[] = [];

/** The same for all events of a node. */
export interface HandlingDeps {
  readonly costs: NodeCosts;
  /** The node's own clock. */
  ownMs(): number;
  /** The time of the work is over. */
  handled(mesh: Mesh, effects: readonly MeshEffect[]): void;
}

/** Of the agent: its core handles an event. */
export class Handling implements Work {
  readonly #deps: HandlingDeps;
  readonly #mesh: Mesh;
  readonly #event: MeshEvent;
  #effects = NONE;

  constructor(deps: HandlingDeps, mesh: Mesh, event: MeshEvent) {
    this.#deps = deps;
    this.#mesh = mesh;
    this.#event = event;
  }

  run(): number {
    const learned = this.#mesh.learnedAdverts;
    this.#effects = this.#mesh.handle(this.#event, this.#deps.ownMs());
    return this.#deps.costs.event(this.#event, this.#effects, this.#mesh.learnedAdverts - learned);
  }

  done(): void {
    this.#deps.handled(this.#mesh, this.#effects);
  }
}

/** Of the router: it carries out a command of the agent. */
export class CommandWork implements Work {
  readonly #world: ProcessorClock;
  readonly #costs: NodeCosts;
  readonly #router: FakeRouter;
  readonly #effect: MeshEffect;

  constructor(world: ProcessorClock, costs: NodeCosts, router: FakeRouter, effect: MeshEffect) {
    this.#world = world;
    this.#costs = costs;
    this.#router = router;
    this.#effect = effect;
  }

  run(): number {
    return this.#costs.command(this.#effect);
  }

  done(): void {
    this.#router.apply(this.#effect, this.#world.nowMs);
  }
}

/** Of the router: a packet has arrived. */
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
