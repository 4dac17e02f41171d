import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { fuzzRuns } from '../../test/fuzz/fuzz-runs.js';
import type { NodeId } from '../../common/node-id.js';
import {
  REFUSE_AFTER_MS,
  REFUSE_AFTER_UNITS,
  REKEY_AFTER_MS,
  REKEY_AFTER_UNITS,
  RETIRE_AFTER_MS,
} from '../../common/protocol.js';
import type { MeshEffect } from '../mesh-io.js';
import { PeerSessions } from './peer-sessions.js';
import { SessionSlots } from '../handshake/session-slots.js';
import { SeededRandom } from '../testing/seeded-random.js';

class Bench {
  readonly slots = new SessionSlots(new SeededRandom(1));
  readonly effects: MeshEffect[] = [];
  readonly sessions = new PeerSessions({ slots: this.slots, emit: (effect) => this.effects.push(effect) });

  install(role: 'initiator' | 'responder', nowMs: number) {
    const keys = {
      peer: '0'.repeat(32) as NodeId,
      localIndex: this.slots.allocate()!,
      remoteIndex: 1,
      cipher: 'aes-256-gcm',
      sendKey: new Uint8Array(32),
      receiveKey: new Uint8Array(32),
    } as const;
    return this.sessions.install(keys, role, 0, nowMs);
  }

  adopt(active: boolean, ageMs: number | undefined, nowMs: number) {
    const peer = '0'.repeat(32) as NodeId;
    const localIndex = this.slots.count + 1;
    const age = ageMs === undefined ? {} : { ageMs, cipher: 'aes-256-gcm' as const };
    return this.sessions.adopt({ peer, localIndex, active, unitsSent: 0, ...age }, 0, nowMs)!;
  }

  types(): string[] {
    return this.effects.map(({ type }) => type);
  }
}

describe('the sessions with a peer', () => {
  it('seal no more with one that the peer has not confirmed in time, until it does', () => {
    const at = new Bench();
    const { sessions } = at;
    const early = at.install('initiator', 0);
    sessions.activate(early, 0);
    sessions.withholdAt(early.localIndex, 700);
    expect(sessions.active).toBeNull();
    sessions.withholdAt(early.localIndex, 700);
    expect(at.types()).toEqual(['installSession', 'activateSession', 'deactivateSession']);
    sessions.confirm(early, 800);
    sessions.activate(early, 800);
    sessions.withholdAt(early.localIndex, 700);
    expect(sessions.active).toBe(early);
    expect(at.types().slice(3)).toEqual(['activateSession']);
  });

  it('seal with one that the peer has confirmed while another one is not confirmed in time', () => {
    const at = new Bench();
    const { sessions } = at;
    const early = at.install('initiator', 0);
    sessions.activate(early, 0);
    const accepted = at.install('responder', 10);
    sessions.retire(accepted, 10);
    sessions.withholdAt(early.localIndex, 700);
    expect([sessions.active, accepted.retireAtMs]).toEqual([accepted, null]);
    sessions.confirm(early, 800);
    sessions.activate(early, 800);
    expect([sessions.active, early.retireAtMs]).toEqual([early, null]);
  });

  it('overlap at a switch: the old one is removed 30 s later', () => {
    const at = new Bench();
    const { sessions } = at;
    const first = at.install('responder', 0);
    sessions.activate(first, 0);
    const second = at.install('responder', 1_000);
    sessions.activate(second, 1_000);
    sessions.expire(1_000 + RETIRE_AFTER_MS - 1);
    expect(sessions.count).toBe(2);
    sessions.expire(1_000 + RETIRE_AFTER_MS);
    expect(sessions.active).toBe(second);
    expect(at.types().at(-1)).toBe('removeSession');
    expect(at.slots.count).toBe(1);
  });

  it('are replaced after ten minutes or enough units, and never used beyond their limits', () => {
    const bench = new Bench();
    const session = bench.install('initiator', 0);
    bench.sessions.activate(session, 0);
    expect(bench.sessions.isRekeyDue(REKEY_AFTER_MS - 1)).toBe(false);
    expect(bench.sessions.isRekeyDue(REKEY_AFTER_MS)).toBe(true);
    bench.sessions.noteUnits(session.localIndex, REKEY_AFTER_UNITS);
    expect(bench.sessions.isRekeyDue(1)).toBe(true);
    bench.sessions.expire(REFUSE_AFTER_MS - 1);
    expect(bench.sessions.active).toBe(session);
    bench.sessions.expire(REFUSE_AFTER_MS);
    expect(bench.sessions.active).toBeNull();
    const worn = bench.install('responder', 0);
    bench.sessions.activate(worn, 0);
    bench.sessions.noteUnits(worn.localIndex, REFUSE_AFTER_UNITS);
    bench.sessions.expire(1);
    expect(bench.sessions.active).toBeNull();
  });

  it('fall back to a confirmed one when the active one is removed', () => {
    const bench = new Bench();
    const confirmed = bench.install('responder', 0);
    bench.sessions.activate(confirmed, 0);
    const hopeful = bench.install('initiator', 10);
    bench.sessions.activate(hopeful, 10);
    bench.sessions.remove(hopeful, 20);
    expect(bench.sessions.active).toBe(confirmed);
    expect(confirmed.retireAtMs).toBeNull();
  });

  it('always have an active one while there is a confirmed one, and never leak a slot', () => {
    const anyStep = fc.record({
      what: fc.constantFrom('accept', 'initiate', 'confirm', 'expire'),
      waitMs: fc.nat(700_000),
    });
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 40 }), (steps) => {
        const bench = new Bench();
        const { sessions, slots } = bench;
        let now = 0;
        let last = bench.install('responder', now);
        sessions.activate(last, now);
        for (const { what, waitMs } of steps) {
          now += waitMs;
          if (what === 'accept') sessions.activate((last = bench.install('responder', now)), now);
          if (what === 'initiate') last = bench.install('initiator', now);
          if (what === 'confirm' && sessions.find(last.localIndex) !== null) {
            sessions.confirm(last, now);
            sessions.activate(last, now);
          }
          sessions.expire(now);
          expect(slots.count).toBe(sessions.count);
          expect(sessions.count).toBeLessThanOrEqual(4);
          if (sessions.count > 0 && last.role === 'responder') expect(sessions.active).not.toBeNull();
        }
        sessions.removeAll();
        expect(slots.count).toBe(0);
        const count = (type: string) => bench.types().filter((other) => other === type).length;
        expect(count('removeSession')).toBe(count('installSession'));
      }),
      { numRuns: fuzzRuns(40) },
    );
  });
});

describe('the sessions that an earlier process left in the router', () => {
  const NOW_MS = 1_000_000;

  it('are replaced when they are due by their age, and refused when they are over', () => {
    const bench = new Bench();
    const { sessions } = bench;
    bench.adopt(true, 60_000, NOW_MS);
    const dueMs = NOW_MS - 60_000 + REKEY_AFTER_MS;
    expect(sessions.active).toMatchObject({ cipher: 'aes-256-gcm', createdMs: NOW_MS - 60_000 });
    expect([dueMs - 1, dueMs].map((atMs) => sessions.isRekeyDue(atMs))).toEqual([false, true]);
    expect(sessions.pollAt()).toBe(NOW_MS - 60_000 + REFUSE_AFTER_MS);
  });

  it('are due at once from a router that does not tell their age', () => {
    const bench = new Bench();
    const { sessions } = bench;
    bench.adopt(true, undefined, NOW_MS);
    expect(sessions.isRekeyDue(NOW_MS)).toBe(true);
  });

  it('are due at once beside a younger one, since the peer may have retired the active one', () => {
    const bench = new Bench();
    const { sessions } = bench;
    bench.adopt(false, 5_000, NOW_MS);
    bench.adopt(true, 60_000, NOW_MS);
    expect(sessions.isRekeyDue(NOW_MS)).toBe(true);
    sessions.expire(NOW_MS + RETIRE_AFTER_MS);
    expect(sessions.count).toBe(2);
  });

  it('are retired when they are older than the active one', () => {
    const bench = new Bench();
    const { sessions } = bench;
    bench.adopt(true, 5_000, NOW_MS);
    bench.adopt(false, 60_000, NOW_MS);
    expect(sessions.isRekeyDue(NOW_MS)).toBe(false);
    sessions.expire(NOW_MS + RETIRE_AFTER_MS);
    expect(sessions.count).toBe(1);
  });
});
