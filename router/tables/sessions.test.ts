import { beforeEach, describe, expect, it } from '@jest/globals';
import type { NodeId } from '../../common/node-id.js';
import type { SessionKeys } from '../../common/router-port.js';
import { laneKey } from '../aead/aead.js';
import { createOpensslEngine } from '../aead/openssl.js';
import { referenceSeal } from '../aead/reference-seal.js';
import { Arena } from '../kernel/arena.js';
import { MAX_LANES, MAX_SESSIONS } from '../../common/protocol.js';
import { swap32 } from '../kernel/byte-order.js';
import { AF_INET6 } from '../kernel/linux-abi.js';
import { MAX_RECEIVE_CONTEXTS } from '../limits.js';
import { NO_PEER, NO_SESSION, Peers } from './peers.js';
import { NO_CONTEXT, Sessions } from './sessions.js';

const arena = new Arena(4 << 20);
const engine = createOpensslEngine(arena);
const unit = arena.allocate(256) + 64;
const id = (n: number): NodeId => n.toString(16).padStart(32, '0') as NodeId;
const key = (n: number): Uint8Array => new Uint8Array(32).fill(n);

function keysFor(localIndex: number, peer = 1): SessionKeys {
  const cipher = 'aes-256-gcm' as const;
  return { peer: id(peer), localIndex, remoteIndex: localIndex + 5, cipher, sendKey: key(1), receiveKey: key(2) };
}

let peers: Peers;
let sessions: Sessions;
beforeEach(() => {
  peers = new Peers(new Arena(1 << 20), AF_INET6);
  sessions = new Sessions(engine, peers, 0);
});

const SLOT = 9;
const INDEX = 0x77770000 + SLOT;

function opens(context: number, counter: number, lane: number): boolean {
  const { key: laneSecret, salt } = laneKey(key(2), lane);
  const plain = Uint8Array.of(1, 2, 3);
  arena.u8.set(referenceSeal('aes-256-gcm', laneSecret, salt, plain, { counter, type: 5, lane, fragments: 1 }), unit);
  return sessions.openingKeys[context]!.open(unit, plain.length, { counter, type: 5, lane, fragments: 1 });
}

const NOW_MS = 1_500;

describe('the sessions of a thread', () => {
  it('are found by their whole index in the byte order of a header', () => {
    expect(sessions.find(swap32(INDEX))).toBe(NO_SESSION);
    expect(sessions.install(keysFor(INDEX), 0)).toBe(true);
    expect(sessions.find(swap32(INDEX))).toBe(SLOT);
    expect(sessions.find(swap32(INDEX ^ 0x10000))).toBe(NO_SESSION);
    expect(sessions.find(0)).toBe(NO_SESSION);
    expect(sessions.find(swap32(0xffffffff))).toBe(NO_SESSION);
    expect(swap32(sessions.remoteWireIndexes[SLOT]!)).toBe(INDEX + 5);
  });

  it('are not installed beyond the table, nor with index 0', () => {
    expect(sessions.install(keysFor(MAX_SESSIONS), 0)).toBe(false);
    expect(sessions.install(keysFor(0), 0)).toBe(false);
    expect(sessions.statuses(NOW_MS)).toEqual([]);
  });

  it('seal for their peer from activation on', () => {
    sessions.install(keysFor(INDEX), 0);
    expect(peers.activeSession[1]).toBe(NO_SESSION);
    expect(sessions.activate(INDEX ^ 0x10000)).toBe(NO_PEER);
    expect(sessions.activate(INDEX)).toBe(peers.find(id(1)));
    expect(peers.activeSession[1]).toBe(SLOT);
    expect(sessions.statuses(NOW_MS)).toEqual([
      { peer: id(1), localIndex: INDEX, active: true, unitsSent: 0, ageMs: NOW_MS, cipher: 'aes-256-gcm' },
    ]);
  });

  it('open for a peer also when all contexts were taken by lanes that nobody used', () => {
    for (let slot = 1; slot <= MAX_RECEIVE_CONTEXTS / MAX_LANES; slot++) {
      sessions.install(keysFor(slot), 0);
      for (let lane = 0; lane < MAX_LANES; lane++) sessions.context(slot, lane);
    }
    const used = sessions.context(1, 0);
    sessions.markOpened(used, 0, 1);
    const late = MAX_RECEIVE_CONTEXTS / MAX_LANES + 1;
    sessions.install(keysFor(late), 0);
    const tries = Array.from({ length: 16 }, () => sessions.context(late, 3));
    expect(tries.filter((context) => context !== NO_CONTEXT)).toHaveLength(1);
    const context = sessions.context(late, 3);
    expect(context).toBe(tries.at(-1));
    expect(opens(context, 1, 3)).toBe(true);
    expect(sessions.context(1, 0)).toBe(used);
  });

  it('neither seal, open nor are found after removal', () => {
    sessions.install(keysFor(INDEX), 0);
    sessions.activate(INDEX);
    const context = sessions.context(SLOT, 0);
    sessions.remove(INDEX);
    sessions.remove(INDEX);
    expect(sessions.find(swap32(INDEX))).toBe(NO_SESSION);
    expect(peers.activeSession[1]).toBe(NO_SESSION);
    expect(sessions.sealingKeys[SLOT]).toBeUndefined();
    expect(sessions.openingKeys[context]).toBeUndefined();
    expect(sessions.context(SLOT, 0)).toBe(NO_CONTEXT);
    expect(sessions.statuses(NOW_MS)).toEqual([]);
  });

  it('stay active when another one of the peer is removed', () => {
    sessions.install(keysFor(INDEX), 0);
    sessions.install(keysFor(INDEX + 1), 0);
    sessions.activate(INDEX);
    sessions.activate(INDEX + 1);
    sessions.remove(INDEX);
    expect(peers.activeSession[1]).toBe(SLOT + 1);
  });

  it('start with a fresh counter, window and confirmation in a reused slot', () => {
    sessions.install(keysFor(INDEX), 0);
    sessions.nextCounter[SLOT] = 500;
    sessions.confirmed[SLOT] = 1;
    sessions.markOpened(sessions.context(SLOT, 0), 500, 3);
    sessions.install(keysFor(INDEX ^ 0x10000), 0);
    expect(sessions.find(swap32(INDEX))).toBe(NO_SESSION);
    expect(sessions.nextCounter[SLOT]).toBe(0);
    expect(sessions.confirmed[SLOT]).toBe(0);
    const context = sessions.context(SLOT, 0);
    expect(sessions.windows.isFresh(context, 0)).toBe(true);
    expect(sessions.unitsOpened[context]).toBe(0);
    expect(sessions.statuses(NOW_MS)).toHaveLength(1);
  });

  it('have a key and a window per lane of the sender', () => {
    sessions.install(keysFor(INDEX), 0);
    const contexts = [0, 1, 15].map((lane) => sessions.context(SLOT, lane));
    expect(new Set(contexts).size).toBe(3);
    expect(sessions.context(SLOT, 1)).toBe(contexts[1]);
    expect(opens(contexts[0]!, 7, 0)).toBe(true);
    expect(opens(contexts[1]!, 7, 1)).toBe(true);
    expect(opens(contexts[1]!, 7, 0)).toBe(false);
    sessions.windows.mark(contexts[0]!, 7);
    expect(sessions.windows.isFresh(contexts[1]!, 7)).toBe(true);
    expect(sessions.context(SLOT, MAX_LANES)).toBe(NO_CONTEXT);
  });

  it('are removed with their peer', () => {
    sessions.install(keysFor(INDEX), 0);
    sessions.install(keysFor(INDEX + 1, 2), 0);
    sessions.install(keysFor(INDEX + 2), 0);
    sessions.removePeer(id(1));
    expect(sessions.statuses(NOW_MS).map(({ localIndex }) => localIndex)).toEqual([INDEX + 1]);
    sessions.removePeer(id(77));
    expect(sessions.statuses(NOW_MS)).toHaveLength(1);
  });

  it('give their receive contexts back when they are replaced', () => {
    const contexts = new Set<number>();
    for (let round = 0; round < 5; round++) {
      sessions.install(keysFor(INDEX), 0);
      for (let lane = 0; lane < MAX_LANES; lane++) contexts.add(sessions.context(SLOT, lane));
    }
    expect(contexts).not.toContain(NO_CONTEXT);
    expect(contexts.size).toBe(MAX_LANES);
  });

  it('end after an hour without a command of the agent', () => {
    sessions.install(keysFor(INDEX), 1000);
    sessions.expire(1000 + 60 * 60_000 - 1);
    expect(sessions.find(swap32(INDEX))).not.toBe(NO_SESSION);
    sessions.expire(1000 + 60 * 60_000);
    expect(sessions.find(swap32(INDEX))).toBe(NO_SESSION);
  });

  it('go on in the next router: with the next counter, and closed to what was opened before', () => {
    sessions.install(keysFor(INDEX), 500);
    sessions.install(keysFor(INDEX + 1), 1_000);
    sessions.activate(INDEX);
    sessions.confirmed[SLOT] = 1;
    sessions.nextCounter[SLOT] = 41;
    sessions.markOpened(sessions.context(SLOT, 3), 70, 2);
    const states = sessions.states(NOW_MS);
    expect(states).toEqual([
      {
        ...keysFor(INDEX),
        ...{ active: true, confirmed: true, ageMs: 1_000, nextCounter: 41 },
        receiving: [{ lane: 3, highest: 70, unitsOpened: 1, datagramsOpened: 2 }],
      },
      { ...keysFor(INDEX + 1), active: false, confirmed: false, ageMs: 500, nextCounter: 0, receiving: [] },
    ]);

    const next = new Sessions(engine, new Peers(new Arena(1 << 20), AF_INET6), 0);
    for (const state of states) next.resume(state, 10_000);
    expect(next.states(10_000)).toEqual(states);
    const context = next.context(SLOT, 3);
    expect([70, 69, 71].map((counter) => next.windows.isFresh(context, counter))).toEqual([false, false, true]);
    expect(() => next.sealingKeys[SLOT]!.seal(unit, 3, { counter: 41, type: 5, lane: 0, fragments: 1 })).not.toThrow();

    const { sendKey, receiveKey } = states[0]!;
    sessions.clear();
    expect(sessions.statuses(NOW_MS)).toEqual([]);
    expect([sendKey, receiveKey].map((secret) => secret.some((byte) => byte !== 0))).toEqual([false, false]);
  });
});
