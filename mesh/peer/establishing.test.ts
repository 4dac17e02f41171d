import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { fuzzRuns } from '../../test/fuzz/fuzz-runs.js';
import { parseSocketAddress } from '../../common/address/socket-address.js';
import {
  CONFIRM_RETRY_MS,
  CONFIRM_WITHIN_MS,
  CONFIRM_YIELD_MS,
  EARLY_FRAMES_MS,
  MAX_CONFIRM_RETRY_MS,
} from '../limits.js';
import { dialAt } from './dial.js';
import { establishingPollAt, IDLE, stepEstablishing } from './establishing.js';
import type { Establishing, EstablishingEvent } from './establishing.js';

const NOW = 100_000;
const CONFIRMING = {
  localIndex: 7,
  bytes: Uint8Array.of(3),
  origin: { from: parseSocketAddress('192.0.2.1:6785'), local: null },
  firstContact: true,
};
const REPEAT = { startedMs: NOW - 50, waitMs: CONFIRM_RETRY_MS, nextMs: NOW + 50 };
const DIAL = { handshake: { localIndex: 5, startedMs: NOW - 1_000, turn: 0 }, tries: 3, nextMs: NOW + 500 };
const DIAL_DUE = { ...DIAL, nextMs: NOW };
const DIAL_ENDED = { ...DIAL, handshake: null };

const STATES = {
  idle: IDLE,
  dialing: { state: 'dialing', dial: DIAL },
  dialingDue: { state: 'dialing', dial: DIAL_DUE },
  confirming: { state: 'confirming', confirming: CONFIRMING, repeat: REPEAT, dial: DIAL_ENDED },
  confirmingDue: {
    state: 'confirming',
    confirming: CONFIRMING,
    repeat: { ...REPEAT, nextMs: NOW },
    dial: DIAL_ENDED,
  },
  confirmingOver: {
    state: 'confirming',
    confirming: CONFIRMING,
    repeat: { ...REPEAT, startedMs: NOW - CONFIRM_WITHIN_MS },
    dial: DIAL_ENDED,
  },
} as const satisfies Record<string, Establishing>;
type StateName = keyof typeof STATES;

const EVENTS = {
  needed: { type: 'tick', needed: true, yieldMs: 0, hasOther: false },
  notNeeded: { type: 'tick', needed: false, yieldMs: 0, hasOther: false },
  dialed: { type: 'dialed', dial: { ...DIAL, tries: 4 } },
  responded: { type: 'responded', confirming: { ...CONFIRMING, localIndex: 8 } },
  confirmed: { type: 'confirmed' },
  accepted: { type: 'accepted', oursWins: false },
  acceptedButOursWins: { type: 'accepted', oursWins: true },
  restart: { type: 'restart' },
  hurry: { type: 'hurry' },
  secretReplaced: { type: 'secretReplaced' },
  routerReplaced: { type: 'routerReplaced', dialAtMs: NOW + 30 },
  sessionLost: { type: 'sessionLost' },
  linkDown: { type: 'linkDown' },
  stopped: { type: 'stopped' },
} as const satisfies Record<string, EstablishingEvent>;
type EventName = keyof typeof EVENTS;

/** The state after each event from each state, and the effects. */
const TABLE: Record<EventName, Record<StateName, string>> = {
  needed: {
    idle: 'dialing, dial',
    dialing: 'dialing',
    dialingDue: 'dialing, dial',
    confirming: 'confirming',
    confirmingDue: 'confirming, sendConfirmation',
    confirmingOver: 'dialing, removeSession 7',
  },
  notNeeded: {
    idle: 'idle',
    dialing: 'idle, endDial',
    dialingDue: 'idle, endDial',
    confirming: 'confirming',
    confirmingDue: 'confirming, sendConfirmation',
    confirmingOver: 'dialing, removeSession 7',
  },
  dialed: {
    idle: 'idle, endDial',
    dialing: 'dialing',
    dialingDue: 'dialing',
    confirming: 'confirming, endDial',
    confirmingDue: 'confirming, endDial',
    confirmingOver: 'confirming, endDial',
  },
  responded: {
    idle: 'confirming, sendConfirmation',
    dialing: 'confirming, endDial, sendConfirmation',
    dialingDue: 'confirming, endDial, sendConfirmation',
    confirming: 'confirming, retireSession 7, sendConfirmation',
    confirmingDue: 'confirming, retireSession 7, sendConfirmation',
    confirmingOver: 'confirming, retireSession 7, sendConfirmation',
  },
  confirmed: {
    idle: 'idle',
    dialing: 'dialing',
    dialingDue: 'dialing',
    confirming: 'idle',
    confirmingDue: 'idle',
    confirmingOver: 'idle',
  },
  accepted: {
    idle: 'idle',
    dialing: 'idle, endDial',
    dialingDue: 'idle, endDial',
    confirming: 'idle, retireSession 7',
    confirmingDue: 'idle, retireSession 7',
    confirmingOver: 'idle, retireSession 7',
  },
  acceptedButOursWins: {
    idle: 'idle',
    dialing: 'idle, endDial',
    dialingDue: 'idle, endDial',
    confirming: 'confirming',
    confirmingDue: 'confirming',
    confirmingOver: 'confirming',
  },
  restart: {
    idle: 'idle',
    dialing: 'dialing',
    dialingDue: 'dialing',
    confirming: 'confirming',
    confirmingDue: 'confirming',
    confirmingOver: 'confirming',
  },
  hurry: {
    idle: 'idle',
    dialing: 'dialing',
    dialingDue: 'dialing',
    confirming: 'confirming',
    confirmingDue: 'confirming',
    confirmingOver: 'confirming',
  },
  secretReplaced: {
    idle: 'idle',
    dialing: 'dialing, endDial',
    dialingDue: 'dialing, endDial',
    confirming: 'confirming',
    confirmingDue: 'confirming',
    confirmingOver: 'confirming',
  },
  routerReplaced: {
    idle: 'dialing',
    dialing: 'dialing, endDial',
    dialingDue: 'dialing, endDial',
    confirming: 'dialing',
    confirmingDue: 'dialing',
    confirmingOver: 'dialing',
  },
  sessionLost: {
    idle: 'idle',
    dialing: 'dialing',
    dialingDue: 'dialing',
    confirming: 'dialing',
    confirmingDue: 'dialing',
    confirmingOver: 'dialing',
  },
  linkDown: {
    idle: 'dialing',
    dialing: 'dialing',
    dialingDue: 'dialing',
    confirming: 'dialing',
    confirmingDue: 'dialing',
    confirmingOver: 'dialing',
  },
  stopped: {
    idle: 'idle',
    dialing: 'idle, endDial',
    dialingDue: 'idle, endDial',
    confirming: 'idle',
    confirmingDue: 'idle',
    confirmingOver: 'idle',
  },
};

/** The state and the effects in words. */
function described(from: Establishing, event: EstablishingEvent): string {
  const { next, effects } = stepEstablishing(from, event, NOW);
  const inWords = effects.map((effect) =>
    'localIndex' in effect ? `${effect.type} ${effect.localIndex}` : effect.type,
  );
  return [next.state, ...inWords].join(', ');
}

/** When the next try is due after the event. */
function nextTryMs(from: Establishing, event: EstablishingEvent): number | null {
  const { next } = stepEstablishing(from, event, NOW);
  return next.state === 'idle' ? null : next.dial.nextMs;
}

describe('establishing a session', () => {
  for (const event of Object.keys(EVENTS) as EventName[]) {
    it.each(Object.keys(STATES) as StateName[])(`goes as the table says with ${event} from %s`, (from) => {
      expect(described(STATES[from], EVENTS[event])).toBe(TABLE[event][from]);
    });
  }

  it('lets frames wait again at the first repeat that comes later than the peer keeps them', () => {
    const repeatAfter = (ms: number) => {
      const from = { ...STATES.confirmingDue, repeat: { ...STATES.confirmingDue.repeat, startedMs: NOW - ms } };
      return described(from, EVENTS.needed);
    };
    expect(repeatAfter(EARLY_FRAMES_MS - 1)).toBe('confirming, sendConfirmation');
    expect(repeatAfter(EARLY_FRAMES_MS)).toBe('confirming, sendConfirmation, withholdSession 7');
  });

  it('dials at once when the chance of a response has risen, and starts the back-off over', () => {
    for (const from of [STATES.dialing, STATES.confirming]) {
      const { next } = stepEstablishing(from, EVENTS.restart, NOW);
      expect(next).toMatchObject({ dial: { tries: 0, nextMs: NOW } });
    }
  });

  it('lets the peer dial first for as long as it is told, unless frames wait; a new advert makes it no later', () => {
    const waiting = stepEstablishing(IDLE, { ...EVENTS.needed, yieldMs: 250 }, NOW);
    expect(waiting).toEqual({ next: { state: 'dialing', dial: dialAt(NOW + 250) }, effects: [] });
    expect(stepEstablishing(waiting.next, EVENTS.restart, NOW + 100).next).toEqual(waiting.next);
    expect(stepEstablishing(waiting.next, EVENTS.accepted, NOW + 100).next).toEqual(IDLE);
    expect(nextTryMs(waiting.next, EVENTS.hurry)).toBe(NOW);
  });

  it('dials at once when frames wait or the link is down, with the back-off going on', () => {
    for (const event of [EVENTS.hurry, EVENTS.linkDown]) {
      for (const from of [STATES.dialing, STATES.confirming]) {
        expect(stepEstablishing(from, event, NOW).next).toMatchObject({ dial: { tries: 3, nextMs: NOW } });
      }
    }
    expect(nextTryMs(STATES.idle, EVENTS.linkDown)).toBe(NOW);
    expect(nextTryMs(STATES.confirming, EVENTS.routerReplaced)).toBe(NOW + 30);
  });

  it('goes on with the back-off for a peer that is down when the router is replaced, without the handshake', () => {
    const replaced = { type: 'routerReplaced', dialAtMs: null } as const;
    const { next, effects } = stepEstablishing(STATES.dialing, replaced, NOW);
    expect(next).toEqual({ state: 'dialing', dial: DIAL_ENDED });
    expect(effects).toEqual([{ type: 'endDial', dial: DIAL }]);
    expect(nextTryMs(STATES.idle, replaced)).toBe(NOW);
  });

  it('goes on dialling where it was when the peer does not confirm', () => {
    expect(stepEstablishing(STATES.confirmingOver, EVENTS.needed, NOW).next).toEqual({
      state: 'dialing',
      dial: DIAL_ENDED,
    });
  });

  it('repeats the confirmation with growing waits until its time is over', () => {
    let current = stepEstablishing(IDLE, EVENTS.responded, 0).next;
    const waits: number[] = [];
    let now = 0;
    while (current.state === 'confirming') {
      const dueMs = establishingPollAt(current, false, now)!;
      waits.push(dueMs - now);
      now = dueMs;
      current = stepEstablishing(current, EVENTS.notNeeded, now).next;
    }
    expect(waits.slice(0, 5)).toEqual([100, 200, 400, 800, 1_000]);
    expect(Math.max(...waits)).toBe(MAX_CONFIRM_RETRY_MS);
    expect(now).toBeGreaterThanOrEqual(CONFIRM_WITHIN_MS);
    expect(now).toBeLessThan(CONFIRM_WITHIN_MS + MAX_CONFIRM_RETRY_MS);
  });

  it('gives a first session up sooner when the peer has confirmed another one', () => {
    const tick = { type: 'tick', needed: false, yieldMs: 0, hasOther: true } as const;
    const { next } = stepEstablishing(IDLE, EVENTS.responded, NOW);
    expect(stepEstablishing(next, tick, NOW + CONFIRM_YIELD_MS - 1).next.state).toBe('confirming');
    expect(stepEstablishing(next, tick, NOW + CONFIRM_YIELD_MS).next.state).toBe('dialing');
    const later = { type: 'responded', confirming: { ...CONFIRMING, firstContact: false } } as const;
    const second = stepEstablishing(IDLE, later, NOW).next;
    expect(stepEstablishing(second, tick, NOW + CONFIRM_YIELD_MS).next.state).toBe('confirming');
  });

  it('leaks no handshake and holds at most one, whatever happens', () => {
    const anyEvent = fc.constantFrom(...(Object.keys(EVENTS) as EventName[]).filter((name) => name !== 'dialed'));
    fc.assert(
      fc.property(fc.array(fc.tuple(anyEvent, fc.nat(8_000))), (events) => {
        let now = 0;
        let current: Establishing = IDLE;
        let started = 0;
        const open = new Set<number>();
        const run = (event: EstablishingEvent): void => {
          const { next, effects } = stepEstablishing(current, event, now);
          current = next;
          for (const effect of effects) {
            if (effect.type === 'endDial') open.delete(effect.dial.handshake!.localIndex);
            if (effect.type !== 'dial') continue;
            const handshake = effect.dial.handshake ?? { localIndex: ++started, startedMs: now, turn: 0 };
            open.add(handshake.localIndex);
            run({ type: 'dialed', dial: { handshake, tries: effect.dial.tries + 1, nextMs: now + 100 } });
          }
          const held = current.state === 'idle' ? null : (current.dial.handshake?.localIndex ?? null);
          expect([...open]).toEqual(held === null ? [] : [held]);
        };
        for (const [name, waitMs] of events) {
          now += waitMs;
          run(EVENTS[name]);
        }
      }),
      { numRuns: fuzzRuns(40) },
    );
  });
});
