import { describe, expect, it } from '@jest/globals';
import { parseIpAddress } from '../../common/address/ip-address.js';
import { parseSocketAddress } from '../../common/address/socket-address.js';
import type { SocketAddress } from '../../common/address/socket-address.js';
import type { NodeId } from '../../common/node-id.js';
import { HANDSHAKE_LIFETIME_MS } from '../limits.js';
import type { MeshEffect } from '../mesh-io.js';
import { HandshakeSide } from '../testing/handshake-side.js';
import { addressesOfTry, dialable, dialAt, Dialer, hurried, restarted, retryWaitMs } from './dial.js';
import type { Dial } from './dial.js';

const PEER = 'ab'.repeat(16) as NodeId;
const address = (n: number) => parseSocketAddress(`192.0.2.${n}:6785`);

/** Dials with real handshakes and a jitter in the middle of its range. */
class Bench {
  readonly side = new HandshakeSide(1);
  readonly effects: MeshEffect[] = [];
  readonly dialer = new Dialer({
    handshakes: this.side.handshakes,
    random: { bytes: (length) => new Uint8Array(length), fraction: () => 0.5 },
    emit: (effect) => this.effects.push(effect),
  });

  dial(dial: Dial, nowMs: number, addresses: readonly SocketAddress[] = [address(1)]): Dial {
    return this.dialer.tryNow(
      dial,
      {
        peer: PEER,
        addresses,
        maxRetryMs: 5_000,
        expects: () => true,
        staticKey: null,
        secretIds: null,
        isProven: true,
        framesWait: false,
        provenAddress: null,
        channels: [],
      },
      nowMs,
    );
  }
}

describe('dialling', () => {
  it('waits longer after every try, up to the limit, with jitter', () => {
    const waits = Array.from({ length: 8 }, (_, tries) => retryWaitMs(tries, 5_000, 0.5));
    expect(waits).toEqual([100, 200, 400, 800, 1600, 3200, 5000, 5000]);
    expect([retryWaitMs(0, 5_000, 0), retryWaitMs(0, 5_000, 1)]).toEqual([75, 125]);
    expect(retryWaitMs(5_000, 5_000, 0.5)).toBe(5_000);
  });

  it('hurries without starting the back-off over', () => {
    const dial = { handshake: null, tries: 8, nextMs: 5_000 };
    expect(hurried(dial, 7)).toEqual({ ...dial, nextMs: 7 });
    expect(hurried(dial, 9_000)).toEqual(dial);
    expect(restarted(dial, 7)).toEqual({ handshake: null, tries: 0, nextMs: 7 });
    expect(restarted(dialAt(90), 7)).toEqual(dialAt(90));
  });

  it('gets to every address in turn, a few at a time', () => {
    const all = Array.from({ length: 10 }, (_, n) => address(n + 1));
    const picks = Array.from({ length: 5 }, (_, tries) => addressesOfTry(all, tries));
    expect(picks.every((picked) => picked.length === 4)).toBe(true);
    expect(new Set(picks.flat().map(({ to }) => to)).size).toBe(10);
  });

  it('leaves out duplicates and addresses of this host', () => {
    expect(dialable([null, address(1), address(2), address(1)], [parseIpAddress('192.0.2.2')])).toEqual([address(1)]);
  });

  it('sends every other try from where the datagrams of the peer leave, and the others by the route', () => {
    const bench = new Bench();
    let dial = dialAt(0);
    for (let i = 0; i < 4; i++) dial = bench.dial(dial, dial.nextMs);
    const peers = bench.effects.map((effect) => (effect.type === 'sendDatagram' ? effect.peer : undefined));
    expect(peers).toEqual([PEER, null, PEER, null]);
  });

  it.each([1, 4, 5, 6, 8, 12, 16])('does so with each of %d addresses', (count) => {
    const bench = new Bench();
    const all = Array.from({ length: count }, (_, n) => address(n + 1));
    let dial = dialAt(0);
    for (let i = 0; i < 4 * count; i++) dial = bench.dial(dial, dial.nextMs, all);
    const sent = bench.effects.flatMap((effect) => (effect.type === 'sendDatagram' ? [effect] : []));
    for (const to of all) {
      const peers = sent.filter((effect) => effect.to === to).map(({ peer }) => peer);
      expect(peers.slice(0, 4)).toEqual([PEER, null, PEER, null]);
    }
  });

  it('sends one initiation to all addresses of a try, and the same one again', () => {
    const bench = new Bench();
    const first = bench.dial(dialAt(0), 0, [address(1), address(2)]);
    const second = bench.dial(first, first.nextMs, [address(1)]);
    const sent = bench.effects.map((effect) => (effect.type === 'sendDatagram' ? effect : null));
    expect(sent.map((effect) => effect?.to)).toEqual([address(1), address(2), address(1)]);
    expect(new Set(sent.map((effect) => effect?.bytes)).size).toBe(1);
    expect(second).toEqual({ handshake: first.handshake, tries: 2, nextMs: 100 + 200 });
  });

  it('makes no handshake for a node without an address, and tries ever more seldom', () => {
    const bench = new Bench();
    const first = bench.dial(dialAt(0), 0, []);
    const second = bench.dial(first, first.nextMs, []);
    expect([first, second]).toEqual([
      { handshake: null, tries: 1, nextMs: 100 },
      { handshake: null, tries: 2, nextMs: 100 + 200 },
    ]);
    expect(bench.side.slots.count).toBe(0);
    expect(bench.dial(second, second.nextMs, [address(1)]).handshake).not.toBeNull();
  });

  it('starts a new handshake when the time of the last one is over, and leaks no slot', () => {
    const bench = new Bench();
    const first = bench.dial(dialAt(0), 0);
    const second = bench.dial(first, HANDSHAKE_LIFETIME_MS);
    expect(second.handshake?.startedMs).toBe(HANDSHAKE_LIFETIME_MS);
    expect(bench.side.slots.count).toBe(1);
    expect(bench.dialer.end(second)).toEqual({ ...second, handshake: null });
    expect(bench.side.slots.count).toBe(0);
  });

  it('starts a new handshake when an advert has voided the last one', () => {
    const bench = new Bench();
    const first = bench.dial(dialAt(0), 0);
    expect(bench.side.handshakes.hasOpen).toBe(true);
    bench.side.handshakes.voidOpen();
    expect(bench.side.handshakes.hasOpen).toBe(false);
    const second = bench.dial(first, first.nextMs);
    expect(second.handshake?.localIndex).not.toBe(first.handshake?.localIndex);
    expect(bench.dial(second, second.nextMs).handshake).toEqual(second.handshake);
    expect(bench.side.slots.count).toBe(1);
  });
});
