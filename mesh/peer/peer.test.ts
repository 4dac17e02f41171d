import { describe, expect, it } from '@jest/globals';
import { parseIpAddress } from '../../common/address/ip-address.js';
import type { IpAddress } from '../../common/address/ip-address.js';
import { parseSocketAddress } from '../../common/address/socket-address.js';
import { assert } from '../../common/errors.js';
import type { NodeId } from '../../common/node-id.js';
import type { PeerCounters, SessionKeys } from '../../common/router-port.js';
import { REKEY_AFTER_MS } from '../../common/protocol.js';
import { SessionSlots } from '../handshake/session-slots.js';
import {
  CLOSE_AFTER_MS,
  CLOSE_STAGGER_MS,
  DIAL_DOWN_MS,
  QUIET_AFTER_MS,
  STALE_AFTER_MS,
  UNANSWERED_DIAL_MS,
} from '../limits.js';
import { RELAY_FRAMES_AFTER_MS } from '../relay-limits.js';
import type { MeshEffect } from '../mesh-io.js';
import { SeededRandom } from '../testing/seeded-random.js';
import { signAdvert } from '../wire/advert.js';
import { decodeControl } from '../wire/control-message.js';
import { generateIdentity } from '../wire/identity.js';
import { dialAt } from './dial.js';
import type { Dialer } from './dial.js';
import { idleLink, isUsable } from './link.js';
import { Peer } from './peer.js';
import { relayNeededAtMs } from './relay-need.js';

const LOW = '0'.repeat(32) as NodeId;
const ADDRESS = parseSocketAddress('192.0.2.7', 6785);
const identity = generateIdentity(new SeededRandom(7));
const self = { name: 'far', version: '1', endpoints: [ADDRESS], podCidrs: [], podMtuBytes: null };
const advertOf = (revision: number) =>
  signAdvert(identity, self, { createdAtMs: 1, revision, incarnation: 1, lowestStamp: 0 });

/** A peer with a data link that its responder side made at time 0, and the effects since the last look. */
class Bench {
  readonly effects: MeshEffect[] = [];
  readonly peer: Peer;
  dials = 0;
  #frames = 0;
  #nowMs = 0;
  readonly #slots = new SessionSlots(new SeededRandom(1));

  constructor(ownId: NodeId = LOW) {
    const dialer: Pick<Dialer, 'tryNow' | 'end'> = {
      tryNow: (_dial, _target, nowMs) => {
        this.dials++;
        return dialAt(nowMs + 1_000);
      },
      end: (dial) => dial,
    };
    const deps = {
      ownId,
      dialer: dialer as Dialer,
      slots: this.#slots,
      random: new SeededRandom(2),
      underlay: { mtuBytes: 1500, ownAddresses: [] },
      emit: (effect: MeshEffect) => this.effects.push(effect),
      nextProbeId: () => 1,
      noteLag: () => undefined,
      graceMs: () => 0,
      hasMet: () => true,
      routeAt: () => null,
      channelsTo: () => [],
      carriesOthers: () => false,
      linkChanged: () => undefined,
    };
    this.peer = new Peer(deps, identity.id, idleLink(0), 0);
    this.peer.learnAdvert(advertOf(1), 0);
  }

  accept(nowMs = 0, local: IpAddress | null = null): void {
    const localIndex = this.#slots.allocate();
    assert(localIndex !== null, 'a slot is free');
    const key = new Uint8Array(32);
    const keys: SessionKeys = {
      peer: identity.id,
      localIndex,
      remoteIndex: 5,
      cipher: 'aes-256-gcm',
      sendKey: key,
      receiveKey: key,
    };
    this.peer.installAsResponder(keys, { from: ADDRESS, local }, nowMs, nowMs);
  }

  /** Runs to a time with the reports of the router, each of which says whether a frame passed and when the peer was heard. */
  runTo(endMs: number, { hasFrames, isHeard }: { hasFrames: boolean; isHeard: boolean }): void {
    for (let dueMs = this.peer.pollAt(this.#nowMs); this.#nowMs < endMs; dueMs = this.peer.pollAt(this.#nowMs)) {
      const reportMs = Math.floor(this.#nowMs / 1000 + 1) * 1000;
      this.#nowMs = Math.min(endMs, Math.max(dueMs, this.#nowMs + 1), reportMs);
      if (this.#nowMs === reportMs) this.#report(hasFrames, isHeard);
      this.peer.advance(this.#nowMs);
    }
  }

  count(type: MeshEffect['type']): number {
    return this.effects.filter((effect) => effect.type === type).length;
  }

  /** The local addresses in the paths since this was called last. */
  locals(): (IpAddress | null | undefined)[] {
    return this.effects.splice(0).flatMap((effect) => (effect.type === 'path' ? [effect.path.local] : []));
  }

  control(): (string | undefined)[] {
    return this.effects.flatMap((effect) => (effect.type === 'sendControl' ? [decodeControl(effect.bytes)?.type] : []));
  }

  #report(hasFrames: boolean, isHeard: boolean): void {
    if (hasFrames) this.#frames++;
    const counters: PeerCounters = {
      peer: identity.id,
      txBytes: 0,
      txFrames: this.#frames,
      rxBytes: 0,
      rxFrames: 0,
      lastReceivedMsAgo: isHeard ? 500 : null,
      lossRatio: 0,
    };
    this.peer.updateCounters(counters, this.#nowMs);
  }
}

const SILENT = { hasFrames: false, isHeard: false };

describe('the address of this node that the peer called', () => {
  const called = parseIpAddress('203.0.113.5');
  const elsewhere = parseSocketAddress('192.0.2.9:6785');
  const relay = '1'.repeat(32) as NodeId;

  it('is told to the router with each handshake, also at the same address of the peer, and once', () => {
    const bench = new Bench();
    for (let i = 0; i < 2; i++) {
      bench.accept(i, called);
      expect(bench.locals().filter((local) => local !== null)).toEqual([called]);
    }
    bench.accept(2);
    expect(bench.locals()).toEqual([]);
  });

  it('is told when the peer has roamed: the other threads of the router do not hear it there', () => {
    const bench = new Bench();
    bench.accept();
    bench.locals();
    bench.peer.roamed({ from: elsewhere, local: called }, 1);
    expect(bench.peer.path.endpoint).toEqual(elsewhere);
    expect(bench.locals()).toEqual([called]);
  });

  it('is told when the path returns from a relay to where the peer was heard directly', () => {
    const bench = new Bench();
    bench.accept();
    const { path } = bench.peer;
    path.useRelay({ peer: relay, channel: { channel: 5, token: new Uint8Array(8) } }, 1);
    path.heardDirectly({ from: elsewhere, local: called });
    bench.locals();
    path.followDirectly(2);
    expect(path.endpoint).toEqual(elsewhere);
    expect(bench.locals()).toEqual([called]);
    path.followDirectly(3);
    expect(bench.locals()).toEqual([]);
  });
});

describe('a data link', () => {
  it('is probed while frames pass and for 10 s more, then nothing is sent on it, and its silence says nothing', () => {
    const bench = new Bench();
    bench.accept();
    bench.runTo(QUIET_AFTER_MS, { hasFrames: false, isHeard: true });
    expect(bench.count('probe')).toBeGreaterThan(1);
    bench.effects.length = 0;
    bench.runTo(CLOSE_AFTER_MS - 1, SILENT);
    expect(bench.effects).toEqual([]);
    expect(bench.peer.link.state).toBe('up');
  });

  it('is closed after 15 minutes without a frame, by the node with the higher id a minute later, and the peer is told', () => {
    for (const [ownId, closeMs] of [
      [LOW, CLOSE_AFTER_MS],
      ['f'.repeat(32) as NodeId, CLOSE_AFTER_MS + CLOSE_STAGGER_MS],
    ] as const) {
      const bench = new Bench(ownId);
      bench.accept();
      bench.runTo(QUIET_AFTER_MS, { hasFrames: false, isHeard: true });
      bench.runTo(closeMs - 1, SILENT);
      expect(bench.peer.link.state).toBe('up');
      bench.effects.length = 0;
      bench.runTo(closeMs + 1, SILENT);
      expect(bench.peer.link.state).toBe('idle');
      expect(bench.control()).toEqual(['linkClosed']);
      expect(bench.count('removeSession')).toBe(1);
      expect([bench.peer.sessions.active, bench.dials]).toEqual([null, 0]);
    }
  });

  it('is not rekeyed while it is quiet, and is when frames pass again', () => {
    const bench = new Bench();
    bench.accept();
    bench.runTo(2 * QUIET_AFTER_MS, { hasFrames: false, isHeard: true });
    bench.runTo(REKEY_AFTER_MS + 50_000, SILENT);
    expect(bench.dials).toBe(0);
    bench.runTo(REKEY_AFTER_MS + 52_000, { hasFrames: true, isHeard: true });
    expect(bench.dials).toBeGreaterThan(0);
  });

  it('is down within 7 s of the first frame that is not answered, after any silence', () => {
    const bench = new Bench();
    bench.accept();
    bench.runTo(QUIET_AFTER_MS, { hasFrames: false, isHeard: true });
    bench.runTo(300_000, SILENT);
    bench.runTo(304_500, { hasFrames: true, isHeard: false });
    expect(bench.peer.link.state).toBe('stale');
    expect(bench.dials).toBeGreaterThan(0);
    bench.runTo(307_000, { hasFrames: true, isHeard: false });
    expect(bench.peer.link.state).toBe('down');
  });

  it('is not down for the silence of the time when it was quiet, when its peer becomes a neighbour', () => {
    const bench = new Bench();
    bench.accept();
    bench.runTo(QUIET_AFTER_MS, { hasFrames: false, isHeard: true });
    bench.runTo(2 * QUIET_AFTER_MS, SILENT);
    bench.peer.setNeighbour(true, null, 2 * QUIET_AFTER_MS);
    bench.runTo(2 * QUIET_AFTER_MS + 1_000, SILENT);
    expect([bench.peer.link.state, bench.count('probe') > 0]).toEqual(['up', true]);
    bench.runTo(2 * QUIET_AFTER_MS + 6_000, SILENT);
    expect(bench.peer.link.state).toBe('down');
  });

  it('is probed again after a quiet time when the peer has another process, and is not for a new advert of the same', () => {
    const bench = new Bench();
    bench.accept();
    bench.runTo(QUIET_AFTER_MS, { hasFrames: false, isHeard: true });
    bench.runTo(2 * QUIET_AFTER_MS, SILENT);
    bench.effects.length = 0;
    bench.peer.learnAdvert(advertOf(2), 2 * QUIET_AFTER_MS);
    bench.runTo(3 * QUIET_AFTER_MS, SILENT);
    expect([bench.peer.link.state, bench.effects]).toEqual(['up', []]);
    bench.peer.learnAdvert({ ...advertOf(3), incarnation: 7 }, 3 * QUIET_AFTER_MS);
    bench.runTo(3 * QUIET_AFTER_MS + 3_000, SILENT);
    expect([bench.peer.link.state, bench.count('probe') > 0, bench.dials > 0]).toEqual(['stale', true, true]);
  });

  it('is probed for a while when the peer has another process, also when it was about to turn quiet', () => {
    const bench = new Bench();
    bench.accept();
    const soon = QUIET_AFTER_MS - 1_000;
    bench.runTo(soon, { hasFrames: false, isHeard: true });
    bench.peer.learnAdvert({ ...advertOf(2), incarnation: 7 }, soon);
    bench.runTo(soon + STALE_AFTER_MS + 1_000, SILENT);
    expect([bench.peer.link.state, bench.dials > 0]).toEqual(['stale', true]);
  });

  it('that is quiet shows the peer with one probe where this node is now, and ends when others dropped theirs', () => {
    const bench = new Bench();
    bench.accept();
    bench.runTo(QUIET_AFTER_MS, { hasFrames: false, isHeard: true });
    bench.runTo(2 * QUIET_AFTER_MS, SILENT);
    bench.effects.length = 0;
    bench.peer.touchIfQuiet(2 * QUIET_AFTER_MS);
    bench.runTo(3 * QUIET_AFTER_MS, SILENT);
    expect(bench.effects.map(({ type }) => type)).toEqual(['probe']);
    bench.peer.closeIfQuiet(3 * QUIET_AFTER_MS);
    expect([bench.peer.link.state, bench.control()]).toEqual(['idle', ['linkClosed']]);
  });

  it('ends when the peer ends it, and is made again at once if frames passed', () => {
    const bench = new Bench();
    bench.accept();
    bench.runTo(60_000, { hasFrames: true, isHeard: true });
    bench.peer.closedByPeer(60_000);
    expect(bench.peer.link.state).toBe('connecting');
    const quiet = new Bench();
    quiet.accept();
    quiet.runTo(60_000, { hasFrames: false, isHeard: true });
    quiet.peer.closedByPeer(60_000);
    expect([quiet.peer.link.state, quiet.peer.sessions.active]).toEqual(['idle', null]);
  });
});

describe('a quiet link on which frames leave and nothing is heard', () => {
  const quiet = () => {
    const bench = new Bench();
    bench.accept();
    bench.runTo(QUIET_AFTER_MS, { hasFrames: false, isHeard: true });
    bench.runTo(60_000, SILENT);
    bench.effects.length = 0;
    bench.peer.sessionWanted(60_000);
    return bench;
  };

  it('is probed at once, dialled after 0.5 s and stale after 2 s', () => {
    const bench = quiet();
    expect([bench.count('probe') > 0, bench.peer.unanswered.sinceMs]).toEqual([true, 60_000]);
    bench.runTo(60_000 + UNANSWERED_DIAL_MS - 1, SILENT);
    expect(bench.dials).toBe(0);
    bench.runTo(60_000 + UNANSWERED_DIAL_MS, SILENT);
    expect([bench.dials, bench.peer.link.state]).toEqual([1, 'up']);
    bench.runTo(62_000, SILENT);
    expect(bench.peer.link.state).toBe('stale');
  });

  it('is as before when the peer answers', () => {
    const bench = quiet();
    bench.peer.probeAnswered(128, 5, 60_005);
    bench.runTo(60_000 + 2 * UNANSWERED_DIAL_MS, SILENT);
    expect([bench.dials, bench.peer.unanswered.sinceMs]).toEqual([0, null]);
  });

  it('is sought through a relay after 1 s, also when the link is still up', () => {
    const bench = quiet();
    expect(relayNeededAtMs(bench.peer, false, 60_000)).toBe(60_000 + RELAY_FRAMES_AFTER_MS);
    bench.peer.heard(60_001, 60_001);
    expect(relayNeededAtMs(bench.peer, false, 60_001)).toBe(Infinity);
  });

  it('is not doubted when this node has heard it a moment ago', () => {
    const bench = new Bench();
    bench.accept();
    bench.effects.length = 0;
    bench.peer.sessionWanted(1_000);
    expect([bench.effects, bench.peer.unanswered.sinceMs]).toEqual([[], null]);
  });
});

describe('a peer without a link', () => {
  it('is dialled when a frame wants it, is down after 10 s, and is left alone after a minute more', () => {
    const bench = new Bench();
    bench.runTo(10_000, SILENT);
    expect(bench.dials).toBe(0);
    bench.peer.sessionWanted(10_000);
    bench.runTo(19_000, SILENT);
    expect([bench.peer.link.state, bench.dials > 5]).toEqual(['connecting', true]);
    bench.runTo(21_000, SILENT);
    expect(bench.peer.link.state).toBe('down');
    bench.runTo(21_000 + DIAL_DOWN_MS, SILENT);
    expect(bench.peer.link.state).toBe('idle');
    const { dials } = bench;
    bench.runTo(600_000, SILENT);
    expect(bench.dials).toBe(dials);
  });

  it('is dialled as soon as it becomes a neighbour, for as long as it is one', () => {
    const bench = new Bench();
    bench.peer.setNeighbour(true, null, 0);
    bench.runTo(200_000, SILENT);
    expect(bench.peer.link.state).toBe('down');
    expect(bench.dials).toBeGreaterThan(150);
  });

  it('is down at once when its neighbours report it dead, is told so where it had a session, and is dialled no more', () => {
    const bench = new Bench();
    bench.accept();
    bench.peer.reported(QUIET_AFTER_MS - 1);
    expect(bench.peer.link.state).toBe('up');
    bench.runTo(QUIET_AFTER_MS, { hasFrames: false, isHeard: true });
    bench.peer.reported(QUIET_AFTER_MS);
    expect(bench.peer.link.state).toBe('up');
    bench.runTo(2 * QUIET_AFTER_MS, SILENT);
    bench.peer.reported(2 * QUIET_AFTER_MS);
    expect([bench.peer.link.state, bench.control()]).toEqual(['down', ['linkClosed']]);
    bench.runTo(600_000, SILENT);
    expect([bench.peer.link.state, bench.dials]).toEqual(['down', 0]);
    bench.peer.learnAdvert(advertOf(2), 600_000);
    expect(bench.peer.link.state).toBe('idle');
  });

  it('is there again when it signs a new advert', () => {
    const bench = new Bench();
    bench.peer.sessionWanted(0);
    bench.runTo(11_000, SILENT);
    expect(bench.peer.link.state).toBe('down');
    bench.peer.learnAdvert(advertOf(2), 11_000);
    expect(bench.peer.link.state).toBe('idle');
  });

  const neighbour = (told: (peer: Peer) => void): Bench => {
    const bench = new Bench();
    bench.peer.setNeighbour(true, null, 0);
    told(bench.peer);
    expect(bench.peer.link.state).toBe('down');
    return bench;
  };

  /** It is dialled for a while, and by a frame then. */
  const endsAsNeighbour = (bench: Bench): void => {
    expect(isUsable(bench.peer.link)).toBe(true);
    bench.peer.setNeighbour(false, null, 3);
    bench.runTo(12_000 + DIAL_DOWN_MS, SILENT);
    expect(bench.peer.link.state).toBe('idle');
  };

  it.each([
    ['reported dead', (peer: Peer) => peer.reported(1)],
    ['gone', (peer: Peer) => peer.goodbyeReceived(1)],
  ])('is there again after it was %s while a neighbour, and can be dialled when it is none any more', (_what, told) => {
    const bench = neighbour(told);
    bench.peer.learnAdvert(advertOf(2), 2);
    endsAsNeighbour(bench);
  });

  it('is there again when the reports of its death count no more, also after it was a neighbour', () => {
    const bench = neighbour((peer) => peer.reported(1));
    bench.peer.reportsVoid(2);
    endsAsNeighbour(bench);
  });
});
