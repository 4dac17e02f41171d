/** Two whole mesh cores, each with a real forwarding loop: the frame that asked for the link follows the confirmation. */
import { afterEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { TYPE_CONFIRMATION } from '../../common/wire/datagram-header.js';
import type { MeshEffect, MeshEvent } from '../../mesh/index.js';
import { Mesh } from '../../mesh/mesh.js';
import { SeededRandom } from '../../mesh/testing/seeded-random.js';
import { generateIdentity } from '../../mesh/wire/identity.js';
import type { ForwarderCommand, ForwarderEvent } from '../../router/forwarder-messages.js';
import { endsOf, expectedFrames, framesOnTheWire, hex } from '../../router/testing/exchange.js';
import { anyFrame } from '../../router/testing/frame-arbitraries.js';
import { buildRecord } from '../../router/testing/frame-builder.js';
import { cidrsOf, TestNode } from '../../router/testing/test-node.js';

const SECRET = new Uint8Array(32).fill(3);
const WALL_CLOCK_MS = Date.UTC(2026, 0, 1);
/** The kernel may deliver on loopback from another thread of its own. */
const QUIET_MS = 5;
/** More than a handshake and what follows it take. */
const MAX_STEPS = 200;

class Node {
  readonly router: TestNode;
  readonly core: Mesh;
  readonly id;
  /** Events of the router that its core has not been given, oldest first. */
  readonly waiting: ForwarderEvent[] = [];

  constructor(number: number, earlyFrames: boolean) {
    const random = new SeededRandom(number);
    const identity = generateIdentity(random);
    this.id = identity.id;
    this.router = new TestNode({ number });
    const { address } = this.router;
    this.core = new Mesh({
      identity,
      self: {
        name: `n${number}`,
        version: '1',
        endpoints: [address],
        podCidrs: [...cidrsOf(number)],
        podMtuBytes: null,
      },
      clusterSecrets: [SECRET],
      clusterCidrs: [1, 2].flatMap((one) => [...cidrsOf(one)]),
      random,
      underlay: { mtuBytes: 1500, ownAddresses: [] },
      cachedAdverts: [],
      cachedStamps: { own: 0, accepted: [], firstHeard: [] },
      wallClockMs: WALL_CLOCK_MS,
      cipherPreference: 'auto',
      needsAuthority: false,
    });
    this.feed({
      type: 'routerConnected',
      instance: `r${number}`,
      ciphers: ['aes-256-gcm', 'chacha20-poly1305'],
      paths: [],
      sessions: [],
      earlyFrames,
    });
  }

  routeTo(other: Node): void {
    this.router.useTables(cidrsOf(other.router.number).map((cidr) => ({ cidr, peer: other.id })));
  }

  feed(event: MeshEvent): void {
    for (const effect of this.core.handle(event, 0)) if (isCommand(effect)) this.router.command(effect);
  }

  /** One step of the router. Gives its core all events, or those up to the first that `holds`. */
  step(holds: (event: ForwarderEvent) => boolean): boolean {
    const moved = this.router.turn();
    this.waiting.push(...this.router.events.splice(0));
    for (let event = this.waiting[0]; event !== undefined && !holds(event); event = this.waiting[0]) {
      this.waiting.shift();
      if (!isOfThreads(event)) this.feed(event);
    }
    return moved;
  }
}

/** Whether the main thread of the router keeps it to itself. */
function isOfThreads(event: ForwarderEvent): event is Exclude<ForwarderEvent, MeshEvent> {
  return ['report', 'lossReport', 'calledAt', 'heard'].includes(event.type);
}

function isCommand(effect: MeshEffect): effect is Extract<MeshEffect, ForwarderCommand> {
  return !['routesChanged', 'advertsChanged', 'notice', 'askAuthority', 'watchNodes'].includes(effect.type);
}

function settle(nodes: readonly Node[], holds: (event: ForwarderEvent) => boolean = () => false): void {
  for (let i = 0; i < MAX_STEPS; i++) {
    const moved = nodes.map((node) => node.step(holds)).some((some) => some);
    if (!moved && !nodes.some(({ router }) => router.waitForDatagram(QUIET_MS))) return;
  }
}

const isConfirmation = (event: ForwarderEvent): boolean =>
  event.type === 'datagram' && event.bytes[0] === TYPE_CONFIRMATION;

describe('frames for a node that this one is about to meet', () => {
  let nodes: Node[] = [];
  const start = (...earlyFrames: [boolean, boolean]): [Node, Node] => {
    const [a, b] = [new Node(1, earlyFrames[0]), new Node(2, earlyFrames[1])];
    nodes = [a, b];
    a.routeTo(b);
    b.routeTo(a);
    return [a, b];
  };
  afterEach(() => nodes.forEach(({ router }) => router.close()));

  const records = (a: Node, b: Node): Uint8Array[] => {
    const limits = { maxPayloadBytes: 1200, maxSuperBytes: 6_000 };
    return fc.sample(anyFrame(endsOf(a.router, b.router, '4'), limits), { numRuns: 6, seed: 1 }).map(buildRecord);
  };

  /** The records that were sent to the tap of `a`; the confirmation has come, and is not read. */
  const sendUpToConfirmation = (a: Node, b: Node): Uint8Array[] => {
    const sent = records(a, b);
    for (const record of sent) a.router.tap.send(record);
    settle(nodes);
    a.feed({ type: 'seeds', seeds: [b.router.address] });
    settle(nodes, isConfirmation);
    return sent;
  };

  it('wait in its router behind the confirmation, and are delivered when the agent has read that', () => {
    const [a, b] = start(true, true);
    const sent = sendUpToConfirmation(a, b);
    expect(b.waiting.map(isConfirmation)).toEqual([true]);
    expect(b.router.tap.receiveAll()).toEqual([]);
    expect(b.router.drops()).toEqual({});
    settle(nodes);
    expect(hex(framesOnTheWire(b.router.tap.receiveAll()))).toEqual(hex(expectedFrames(sent)));
    expect(nodes.map(({ router }) => router.drops())).toEqual([{}, {}]);
  });

  it.each([
    ['their router', true, false],
    ['that of their sender', false, true],
  ])('leave a round trip later where %s keeps none, and none is lost', (_whose, mine, theirs) => {
    const [a, b] = start(mine, theirs);
    const sent = sendUpToConfirmation(a, b);
    expect(a.router.report().sessions).toMatchObject([{ active: false, unitsSent: 0 }]);
    settle(nodes);
    expect(hex(framesOnTheWire(b.router.tap.receiveAll()))).toEqual(hex(expectedFrames(sent)));
    expect(b.router.drops()).toEqual({});
  });
});
