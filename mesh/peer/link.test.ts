import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { fuzzRuns } from '../../test/fuzz/fuzz-runs.js';
import { CONNECT_WITHIN_MS, DOWN_AFTER_MS, STALE_AFTER_MS, START_GRACE_MS } from '../limits.js';
import { cachedLink, connectingLink, hear, isUsable, linkPollAt, linkReason, step } from './link.js';
import type { Link, LinkEvent } from './link.js';

const NOW = 100_000;

/** Each state, also with its time over at NOW. */
const STATES = {
  connecting: { state: 'connecting', sinceMs: NOW - 500, giveUpAtMs: NOW + 500, wasIdle: false },
  connectingOver: { state: 'connecting', sinceMs: NOW - CONNECT_WITHIN_MS, giveUpAtMs: NOW, wasIdle: true },
  up: { state: 'up', sinceMs: NOW - 50_000, lastHeardMs: NOW - 100 },
  upSilent: { state: 'up', sinceMs: NOW - 50_000, lastHeardMs: NOW - STALE_AFTER_MS },
  stale: { state: 'stale', sinceMs: NOW - 1_000, downAtMs: NOW + 1_000, reason: 'r' },
  staleOver: { state: 'stale', sinceMs: NOW - 9_000, downAtMs: NOW, reason: 'r' },
  down: { state: 'down', sinceMs: NOW - 9_000, reason: 'r' },
  idle: { state: 'idle', sinceMs: NOW - 9_000 },
} as const satisfies Record<string, Link>;
type StateName = keyof typeof STATES;

const EVENTS = {
  established: { type: 'established' },
  heardNow: { type: 'heard', atMs: NOW },
  heardLongAgo: { type: 'heard', atMs: NOW - 10_000 },
  blind: { type: 'blind', reason: 'our router was restarted' },
  left: { type: 'left' },
  resumed: { type: 'resumed', sinceMs: NOW },
  paused: { type: 'paused', gapMs: 5_000 },
  wanted: { type: 'wanted' },
  closed: { type: 'closed' },
  reported: { type: 'reported', isQuiet: false },
  reportedQuiet: { type: 'reported', isQuiet: true },
  tick: { type: 'tick' },
} as const satisfies Record<string, LinkEvent>;
type EventName = keyof typeof EVENTS;

/** The state after each event, in the order of STATES. */
const NEXT: Record<EventName, readonly Link['state'][]> = {
  established: ['up', 'up', 'up', 'up', 'up', 'up', 'up', 'up'],
  heardNow: ['connecting', 'connecting', 'up', 'up', 'up', 'up', 'down', 'idle'],
  heardLongAgo: ['connecting', 'connecting', 'up', 'up', 'stale', 'stale', 'down', 'idle'],
  blind: ['connecting', 'connecting', 'stale', 'stale', 'stale', 'stale', 'down', 'idle'],
  left: ['down', 'down', 'down', 'down', 'down', 'down', 'down', 'down'],
  resumed: ['connecting', 'connecting', 'up', 'up', 'up', 'up', 'down', 'up'],
  paused: ['connecting', 'connecting', 'up', 'up', 'stale', 'stale', 'down', 'idle'],
  wanted: ['connecting', 'connecting', 'up', 'up', 'stale', 'stale', 'down', 'connecting'],
  closed: ['idle', 'idle', 'idle', 'idle', 'idle', 'idle', 'idle', 'idle'],
  reported: ['down', 'down', 'up', 'up', 'down', 'down', 'down', 'down'],
  reportedQuiet: ['down', 'down', 'down', 'down', 'down', 'down', 'down', 'down'],
  tick: ['connecting', 'down', 'up', 'stale', 'stale', 'down', 'down', 'idle'],
};

describe('a link', () => {
  it.each(Object.keys(STATES) as StateName[])(
    'that is %s is after hearing what a step makes it, if it is up',
    (from) => {
      for (const atMs of [NOW - 10_000, NOW - 50, NOW, NOW + 50]) {
        const link: Link = { ...STATES[from] };
        expect(hear(link, atMs, NOW)).toBe(link.state === 'up');
        const expected = link.state === 'up' ? step(STATES[from], { type: 'heard', atMs }, NOW) : STATES[from];
        expect(link).toEqual(expected);
      }
    },
  );

  for (const event of Object.keys(EVENTS) as EventName[]) {
    const rows = (Object.keys(STATES) as StateName[]).map((from, index) => [from, NEXT[event][index]!] as const);
    it.each(rows)(`that is %s is %s after ${event}`, (from, to) => {
      expect(step(STATES[from], EVENTS[event], NOW).state).toBe(to);
    });
  }

  it('counts its time anew when the state changes, and goes on counting when it does not', () => {
    for (const from of Object.values(STATES)) {
      for (const event of Object.values(EVENTS)) {
        const next = step(from, event, NOW);
        if (next.state !== from.state) expect(next.sinceMs).toBe(NOW);
      }
    }
    expect(step(STATES.up, EVENTS.established, NOW).sinceMs).toBe(STATES.up.sinceMs);
    expect(step(STATES.stale, EVENTS.tick, NOW).sinceMs).toBe(STATES.stale.sinceMs);
  });

  it('goes from up over stale to down within 10 s of silence', () => {
    let link = step(connectingLink(0), { type: 'established' }, 1_000);
    link = step(link, { type: 'tick' }, 1_000 + STALE_AFTER_MS - 1);
    expect(link.state).toBe('up');
    link = step(link, { type: 'tick' }, 1_000 + STALE_AFTER_MS);
    expect(link.state).toBe('stale');
    expect(isUsable(link)).toBe(true);
    link = step(link, { type: 'tick' }, 1_000 + DOWN_AFTER_MS - 1);
    expect(link.state).toBe('stale');
    link = step(link, { type: 'tick' }, 1_000 + DOWN_AFTER_MS);
    expect(link).toMatchObject({ state: 'down', reason: 'nothing heard for 6 s' });
    expect(isUsable(link)).toBe(false);
    expect(DOWN_AFTER_MS).toBeLessThan(10_000);
  });

  it('resumes with the age that it had, and goes stale when nothing is heard', () => {
    const link = step(STATES.stale, { type: 'resumed', sinceMs: NOW - 80_000 }, NOW);
    expect(link).toEqual({ state: 'up', sinceMs: NOW - 80_000, lastHeardMs: NOW });
    expect(step(link, { type: 'tick' }, NOW + STALE_AFTER_MS).state).toBe('stale');
  });

  it('gives a handshake and a remembered member their time', () => {
    expect(step(connectingLink(0), { type: 'tick' }, CONNECT_WITHIN_MS - 1).state).toBe('connecting');
    expect(step(connectingLink(0), { type: 'tick' }, CONNECT_WITHIN_MS)).toMatchObject({
      state: 'down',
      reason: 'no answer to handshakes',
    });
    expect(step(cachedLink(0), { type: 'tick' }, START_GRACE_MS - 1).state).toBe('stale');
    expect(step(cachedLink(0), { type: 'tick' }, START_GRACE_MS).state).toBe('down');
  });

  it('moves its deadlines by a pause of this process', () => {
    const link = step(STATES.up, { type: 'paused', gapMs: 60_000 }, NOW + 60_000);
    expect(step(link, { type: 'tick' }, NOW + 60_000).state).toBe('up');
  });

  it('goes down later by the grace of a node that is late itself, and is stale at its time', () => {
    const [stale, graceMs] = [
      step(STATES.up, { type: 'tick', graceMs: 4_000 }, STATES.up.lastHeardMs + STALE_AFTER_MS),
      4_000,
    ];
    expect(stale.state).toBe('stale');
    const downAtMs = STATES.up.lastHeardMs + DOWN_AFTER_MS + graceMs;
    expect(linkPollAt(stale, graceMs)).toBe(downAtMs);
    expect(step(stale, { type: 'tick', graceMs }, downAtMs - 1).state).toBe('stale');
    expect(step(stale, { type: 'tick', graceMs }, downAtMs).state).toBe('down');
    expect(step(connectingLink(0), { type: 'tick', graceMs }, CONNECT_WITHIN_MS + graceMs - 1).state).toBe(
      'connecting',
    );
  });

  it('always moves on when ticked at its own time, and has a reason in words', () => {
    const anyEvent = fc.constantFrom(...Object.values(EVENTS));
    fc.assert(
      fc.property(fc.array(fc.tuple(anyEvent, fc.nat(8_000))), (events) => {
        let now = NOW;
        let link = connectingLink(now);
        for (const [event, waitMs] of events) {
          now += waitMs;
          link = step(link, event, now);
          expect(linkReason(link)).not.toBe('');
          const due = linkPollAt(link);
          if (due !== null) expect(step(link, { type: 'tick' }, Math.max(due, now)).state).not.toBe(link.state);
        }
      }),
      { numRuns: fuzzRuns(40) },
    );
  });
});
