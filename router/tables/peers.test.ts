import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { fuzzRuns } from '../../test/fuzz/fuzz-runs.js';
import type { NodeId } from '../../common/node-id.js';
import { parseSocketAddress } from '../../common/address/socket-address.js';
import { Arena } from '../kernel/arena.js';
import { DATAGRAM_HEADER_BYTES } from '../../common/wire/datagram-header.js';
import { MAX_FRAGMENTS, MAX_PEERS, MAX_UNIT_BYTES, UNKNOWN_PATH_MTU_BYTES } from '../../common/protocol.js';
import { ENVELOPE_BYTES } from '../../common/wire/relay-envelope.js';
import { TAG_BYTES } from '../../common/wire/sealed-unit.js';
import { MIN_PATH_MTU_BYTES } from '../limits.js';
import { AF_INET, AF_INET6, UDP_MAX_PAYLOAD_BYTES } from '../kernel/linux-abi.js';
import { NO_PEER, NO_SESSION, Peers } from './peers.js';

const id = (n: number): NodeId => n.toString(16).padStart(32, '0') as NodeId;
const v4 = parseSocketAddress('192.0.2.7', 6785);
const v6 = parseSocketAddress('2001:db8::7', 6785);
const channel = { channel: 5, token: new Uint8Array(8) };
const fresh = (family: typeof AF_INET | typeof AF_INET6 = AF_INET6): Peers => new Peers(new Arena(1 << 20), family);

describe('the peers of a thread', () => {
  it('keep their index, from 1', () => {
    const peers = fresh();
    expect([peers.indexOf(id(1)), peers.indexOf(id(2)), peers.indexOf(id(1))]).toEqual([1, 2, 1]);
    expect(peers.find(id(3))).toBe(NO_PEER);
    expect(peers.idOf(2)).toBe(id(2));
    expect([...peers.ids()]).toEqual([
      [id(1), 1],
      [id(2), 2],
    ]);
  });

  it('are at most MAX_PEERS, and further ones are counted', () => {
    const peers = fresh();
    const indexes = Array.from({ length: MAX_PEERS }, (_, n) => peers.indexOf(id(n + 1)));
    expect(indexes).not.toContain(NO_PEER);
    expect(peers.refusals).toBe(0);
    expect(peers.indexOf(id(MAX_PEERS + 1))).toBe(NO_PEER);
    expect(peers.refusals).toBe(1);
    peers.forget(id(7));
    expect(peers.indexOf(id(MAX_PEERS + 1))).not.toBe(NO_PEER);
  });

  it('leave no state to the next peer with their index', () => {
    const peers = fresh();
    const index = peers.indexOf(id(1));
    peers.setPath(index, v4, 9000);
    peers.setFragmentBudget(index, 3);
    peers.activeSession[index] = 5;
    peers.forget(id(1));
    expect(peers.indexOf(id(2))).toBe(index);
    expect(peers.isDirect(index)).toBe(false);
    expect(peers.endpoint(index)).toBeNull();
    expect(peers.mtuBytes(index)).toBe(UNKNOWN_PATH_MTU_BYTES);
    expect(peers.fragmentBudget(index)).toBe(MAX_FRAGMENTS);
    expect(peers.activeSession[index]).toBe(NO_SESSION);
  });

  it('are forgotten once; forgetting an unknown one does nothing', () => {
    const peers = fresh();
    peers.forget(id(1));
    const first = peers.indexOf(id(1));
    peers.forget(id(1));
    peers.forget(id(1));
    expect(new Set([peers.indexOf(id(2)), peers.indexOf(id(3))]).size).toBe(2);
    expect(first).toBe(1);
  });

  it.each([v4, v6])('keep their endpoint: $ip', (endpoint) => {
    const peers = fresh();
    const index = peers.indexOf(id(1));
    peers.setPath(index, endpoint, null);
    expect(peers.endpoint(index)).toEqual(endpoint);
    expect(peers.mtuBytes(index)).toBe(UNKNOWN_PATH_MTU_BYTES);
  });

  it('are unreachable over a family that the socket does not have', () => {
    const peers = fresh(AF_INET);
    const index = peers.indexOf(id(1));
    peers.setPath(index, v4, 1500);
    expect(peers.isDirect(index)).toBe(true);
    peers.setPath(index, v6, 1500);
    expect(peers.isDirect(index)).toBe(false);
  });

  it('behind a relay are sent to where the relay is, from where the relay calls, in datagrams that have room for an envelope', () => {
    const arena = new Arena(1 << 20);
    const peers = new Peers(arena, AF_INET6);
    const [peer, relay] = [peers.indexOf(id(1)), peers.indexOf(id(2))];
    const local = new Uint8Array(16).fill(7);
    const goesTo = () => arena.u8.slice(peers.addressAt(peer), peers.addressAt(peer) + 28);
    const relayIs = () => arena.u8.slice(peers.addressAt(relay), peers.addressAt(relay) + 28);
    peers.setPath(peer, v4, 1500, { peer: id(2), channel });
    expect([peers.isDirect(peer), peers.isRelayed(peer), peers.endpoint(peer)]).toEqual([false, false, v4]);
    for (const endpoint of [v4, v6]) {
      peers.setPath(relay, endpoint, 1500);
      peers.setLocal(relay, local);
      expect([peers.isDirect(peer), peers.isRelayed(peer), peers.hasIpv4(peer)]).toEqual([
        false,
        true,
        endpoint === v4,
      ]);
      expect([goesTo(), peers.endpoint(peer)]).toEqual([relayIs(), v4]);
      expect(peers.callsAt(peer, peers.localAt(relay))).toBe(true);
      expect(peers.fragmentBytes[peer]).toBe(peers.fragmentBytes[relay]! - ENVELOPE_BYTES);
    }
    peers.setPath(peer, v4, 1500);
    expect([peers.isDirect(peer), peers.isRelayed(peer), peers.localAt(peer)]).toEqual([true, false, 0]);
    expect(peers.relayedPath(peer)).toBeUndefined();
  });

  it('behind a relay cannot be reached while that has no direct path, or when it is forgotten', () => {
    const peers = fresh();
    const [peer, relay, other] = [peers.indexOf(id(1)), peers.indexOf(id(2)), peers.indexOf(id(3))];
    peers.setPath(other, v6, 1500);
    peers.setPath(relay, v6, 1500);
    peers.setPath(peer, v4, 1500, { peer: id(2), channel });
    peers.setPath(relay, v6, 1500, { peer: id(3), channel });
    expect([peers.isRelayed(peer), peers.isRelayed(relay)]).toEqual([false, true]);
    peers.setPath(relay, v6, 1500);
    expect(peers.isRelayed(peer)).toBe(true);
    peers.forget(id(2));
    expect(peers.isRelayed(peer)).toBe(false);
    // Another node with that index is no relay.
    expect(peers.indexOf(id(4))).toBe(relay);
    peers.setPath(relay, v6, 1500);
    expect(peers.isRelayed(peer)).toBe(false);
  });

  it('do not relay to themselves', () => {
    const peers = fresh();
    const peer = peers.indexOf(id(1));
    peers.setPath(peer, v4, 1500);
    peers.setPath(peer, v4, 1500, { peer: id(1), channel });
    expect([peers.isDirect(peer), peers.isRelayed(peer)]).toEqual([false, false]);
    peers.setPath(peer, v4, 1500);
    expect(peers.isDirect(peer)).toBe(true);
  });

  it('get units that one send call can carry, cut into aligned fragments that fit the path', () => {
    const peers = fresh();
    const index = peers.indexOf(id(1));
    const mtu = fc.oneof(fc.integer({ min: 0, max: 70_000 }), fc.constantFrom(576, 1280, 1400, 1500, 9000, 65535));
    fc.assert(
      fc.property(mtu, fc.integer({ min: -5, max: 100 }), fc.constantFrom(v4, v6), (mtuBytes, budget, endpoint) => {
        peers.setPath(index, endpoint, mtuBytes);
        peers.setFragmentBudget(index, budget);
        const fragment = peers.fragmentBytes[index]!;
        const unit = peers.unitBytes[index]! + TAG_BYTES;
        const headers = endpoint === v4 ? 28 : 48;
        expect(fragment % 4).toBe(0);
        expect(fragment + DATAGRAM_HEADER_BYTES + headers).toBeLessThanOrEqual(
          Math.max(MIN_PATH_MTU_BYTES, Math.min(mtuBytes, 65535)),
        );
        const fragments = Math.ceil(unit / fragment);
        expect(fragments).toBeGreaterThanOrEqual(1);
        expect(fragments).toBeLessThanOrEqual(Math.max(1, Math.min(budget, MAX_FRAGMENTS)));
        expect(unit).toBeLessThanOrEqual(MAX_UNIT_BYTES);
        expect(unit + fragments * DATAGRAM_HEADER_BYTES).toBeLessThanOrEqual(UDP_MAX_PAYLOAD_BYTES);
      }),
      { numRuns: fuzzRuns(40) },
    );
  });
});
