/** Local addresses that what a node sends to a peer leaves from, while another host forges datagrams of that peer. */
import { describe, expect, it } from '@jest/globals';
import type { IpAddress } from '../common/address/ip-address.js';
import { parseIpAddress } from '../common/address/ip-address.js';
import type { SocketAddress } from '../common/address/socket-address.js';
import { TYPE_CONFIRMATION, TYPE_COOKIE, TYPE_INITIATION, TYPE_RESPONSE } from '../common/wire/datagram-header.js';
import { CROSSING_MS, INITIATION_BYTES } from './limits.js';
import type { MeshEffect, MeshEvent } from './mesh-io.js';
import { SimNetwork } from './testing/sim-network.js';
import type { SimNode } from './testing/sim-node.js';

/** Addresses of one node: its peers call the first, forged datagrams come to the second. */
const CALLED = parseIpAddress('192.0.2.1');
const FORGED = parseIpAddress('192.0.2.2');
const RUN_MS = 5_000;

type SendDatagram = Extract<MeshEffect, { type: 'sendDatagram' }>;

/** From now on the node is called at {@link CALLED}, and before every event a forged datagram comes to {@link FORGED}. */
function listen(node: SimNode, forge: () => { from: SocketAddress; bytes: Uint8Array } | null): MeshEffect[] {
  const effects: MeshEffect[] = [];
  const mesh = node.mesh!;
  const handle = mesh.handle.bind(mesh);
  const take = (event: MeshEvent, nowMs: number): MeshEffect[] => {
    const made = handle(event, nowMs);
    effects.push(...made);
    return made;
  };
  mesh.handle = (event, nowMs) => {
    const forged = forge();
    const first = forged === null ? [] : take({ type: 'datagram', ...forged, local: FORGED }, nowMs);
    return [...first, ...take(event.type === 'datagram' ? { ...event, local: CALLED } : event, nowMs)];
  };
  return effects;
}

const typeOf = ({ bytes }: SendDatagram) => bytes[0]!;
const datagramsOf = (effects: readonly MeshEffect[]) => effects.filter((effect) => effect.type === 'sendDatagram');

/** Local addresses of the datagrams of this type. */
function localsOf(effects: readonly MeshEffect[], type: number): Set<IpAddress | null | undefined> {
  const datagrams = datagramsOf(effects).filter((datagram) => typeOf(datagram) === type);
  return new Set(datagrams.map(({ local }) => local));
}

function pathsOf(effects: readonly MeshEffect[]): Set<IpAddress | null | undefined> {
  return new Set(effects.flatMap((effect) => (effect.type === 'path' ? [effect.path.local] : [])));
}

/** What another host has recorded of the peer. */
interface Recorded {
  /** An initiation, from when it is sent on. */
  initiation: Uint8Array | null;
  /** Datagrams that have arrived. */
  readonly arrived: Uint8Array[];
}

/** The datagrams that arrive at the node, from when it has taken them on. */
function record(node: SimNode, arrived: Uint8Array[]): void {
  const mesh = node.mesh!;
  const handle = mesh.handle.bind(mesh);
  mesh.handle = (event, nowMs) => {
    const effects = handle(event, nowMs);
    if (event.type === 'datagram') arrived.push(event.bytes);
    return effects;
  };
}

/** What the first of two nodes did until both were linked. @param bytes of the datagrams that are forged */
function linkUp(bytes: (recorded: Recorded) => Uint8Array | null, seed: number) {
  const network = new SimNetwork(seed);
  const [node, peer] = network.startCluster(2) as [SimNode, SimNode];
  const recorded: Recorded = { initiation: null, arrived: [] };
  const ofPeer = listen(peer, () => null);
  const effects = listen(node, () => {
    const initiation = datagramsOf(ofPeer).find((datagram) => typeOf(datagram) === TYPE_INITIATION);
    recorded.initiation ??= initiation?.bytes ?? null;
    const forged = bytes(recorded);
    return forged && { from: peer.address, bytes: forged };
  });
  record(node, recorded.arrived);
  network.run(RUN_MS);
  expect([node.stateOf(peer), peer.stateOf(node)]).toEqual(['up', 'up']);
  return { network, node, peer, effects, ofPeer };
}

/** Seeds of which one has the first node as responder, another as initiator. */
const SEEDS = [1, 2, 3, 4];

describe('a node that is called at one of its addresses', () => {
  const runs = SEEDS.map((seed) => linkUp(() => null, seed)).flatMap(({ effects, ofPeer }) => [effects, ofPeer]);

  it('responds from there', () => {
    expect(new Set(runs.flatMap((effects) => [...localsOf(effects, TYPE_RESPONSE)]))).toEqual(new Set([CALLED]));
  });

  it('confirms from there, also again, and says to its router that the peer calls there', () => {
    for (const effects of runs) {
      const hasConfirmed = localsOf(effects, TYPE_CONFIRMATION).size > 0;
      const hasResponded = localsOf(effects, TYPE_RESPONSE).size > 0;
      if (hasConfirmed) expect(localsOf(effects, TYPE_CONFIRMATION)).toEqual(new Set([CALLED]));
      if (hasConfirmed || hasResponded) expect(pathsOf(effects)).toContain(CALLED);
    }
  });

  it('sends an initiation again with its cookie from where the cookie came to', () => {
    expect(new Set(runs.flatMap((effects) => [...localsOf(effects, TYPE_INITIATION)]))).toEqual(new Set([CALLED]));
  });
});

describe('a node whose initiations a firewall of the other drops, as they leave from an address that it does not call', () => {
  /** What leaves by the route does not pass. */
  function dropInitiations(node: SimNode): void {
    const mesh = node.mesh!;
    const handle = mesh.handle.bind(mesh);
    const passes = (effect: MeshEffect) =>
      effect.type !== 'sendDatagram' || typeOf(effect) !== TYPE_INITIATION || (effect.local ?? null) !== null;
    mesh.handle = (event, nowMs) => handle(event, nowMs).filter(passes);
  }

  it.each(SEEDS)(
    'is linked by the initiations of the other, also when its own would win over those, seed %d',
    (seed) => {
      const network = new SimNetwork(seed);
      const nodes = [network.addNode(), network.addNode()] as const;
      for (const [node, other] of [nodes, nodes.toReversed()]) node.start([other]);
      const [winner, other] = nodes.toSorted((a, b) => (a.id < b.id ? -1 : 1)) as [SimNode, SimNode];
      dropInitiations(winner);
      const isUp = () => winner.stateOf(other) === 'up' && other.stateOf(winner) === 'up';
      expect(network.runUntil(isUp, RUN_MS)).toBeLessThan(2 * CROSSING_MS);
    },
  );
});

describe('a forged datagram to another address of the node', () => {
  it.each(SEEDS)('changes no address that anything leaves from, seed %d', (seed) => {
    const garbage = new Uint8Array(INITIATION_BYTES).fill(TYPE_INITIATION, 0, 1);
    const { effects } = linkUp(() => garbage, seed);
    expect(datagramsOf(effects).filter(({ local }) => local === FORGED)).toEqual([]);
    expect(pathsOf(effects)).not.toContain(FORGED);
  });

  it.each([
    ['an initiation of the peer, before it comes', ({ initiation }: Recorded) => initiation],
    ['in turn what came', ({ arrived }: Recorded, copies: number) => arrived[copies % arrived.length] ?? null],
  ])('that repeats %s changes only where its own answer leaves from', (_, copyOf) => {
    for (const seed of SEEDS) {
      let copies = 0;
      const { effects } = linkUp((recorded) => copyOf(recorded, copies++), seed);
      const types = datagramsOf(effects).flatMap((each) => (each.local === FORGED ? [typeOf(each)] : []));
      expect(types.filter((type) => type !== TYPE_RESPONSE && type !== TYPE_COOKIE)).toEqual([]);
      expect(pathsOf(effects)).not.toContain(FORGED);
    }
  });
});
