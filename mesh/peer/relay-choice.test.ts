import { describe, expect, it } from '@jest/globals';
import type { NodeId } from '../../common/node-id.js';
import {
  MAX_RELAYS_ASKED,
  RELAY_ASK_AGAIN_MS,
  RELAY_OFFER_MS,
  RELAY_SEARCH_MS,
  RELAY_TRY_MS,
  RELAYS_ASKED,
} from '../relay-limits.js';
import { noted, relaySearch, relayStep } from './relay-choice.js';
import type { RelayCandidate } from './relay-choice.js';

const id = (digit: string) => digit.repeat(32) as NodeId;
const candidate = (digit: string, rttMs: number, isNeighbour = true, isKnown = false): RelayCandidate => ({
  id: id(digit),
  isNeighbour,
  isKnown,
  rttMs,
});
const FOUR = [candidate('a', 9), candidate('b', 1), candidate('c', 5), candidate('d', 3)];

describe('the choice of a relay', () => {
  it('asks the members with the shortest round trip, neighbours before others', () => {
    expect(relayStep(relaySearch(0), FOUR, 0)).toMatchObject({ relays: [id('b'), id('d'), id('c')] });
    const others = [candidate('a', 1, false), candidate('b', 9)];
    expect(relayStep(relaySearch(0), others, 0)).toMatchObject({ type: 'ask', relays: [id('b'), id('a')] });
  });

  it('waits for all answers, and takes the least sum of both round trips', () => {
    let search = noted(relaySearch(0), [id('b'), id('c')], { state: 'asked', atMs: 0 });
    search = noted(search, [id('b')], { state: 'offers', sumMs: 30 });
    expect(relayStep(search, FOUR, 10)).toEqual({ type: 'wait', untilMs: RELAY_OFFER_MS });
    search = noted(search, [id('c')], { state: 'offers', sumMs: 20 });
    expect(relayStep(search, FOUR, 20)).toEqual({ type: 'try', relay: id('c') });
  });

  it('does not wait longer for a member that does not answer', () => {
    let search = noted(relaySearch(0), [id('b'), id('c')], { state: 'asked', atMs: 0 });
    search = noted(search, [id('b')], { state: 'offers', sumMs: 30 });
    expect(relayStep(search, FOUR, RELAY_OFFER_MS)).toEqual({ type: 'try', relay: id('b') });
  });

  it('tries the next offer when the first does not work in time', () => {
    let search = noted(relaySearch(0), [id('b')], { state: 'tried', atMs: 100 });
    search = noted(search, [id('c')], { state: 'offers', sumMs: 20 });
    expect(relayStep(search, FOUR, 200)).toEqual({ type: 'wait', untilMs: 100 + RELAY_TRY_MS });
    expect(relayStep(search, FOUR, 100 + RELAY_TRY_MS)).toEqual({ type: 'try', relay: id('c') });
  });

  it('asks relays that work for others before all others', () => {
    const known = candidate('e', 99, false, true);
    expect(relayStep(relaySearch(0), [...FOUR, known], 0)).toMatchObject({ relays: [id('e'), id('b'), id('d')] });
  });

  it('asks others when all say no, and gives up when nobody is left', () => {
    const first = noted(relaySearch(0), [id('b'), id('d'), id('c')], { state: 'refuses' });
    expect(first.asked.size).toBe(RELAYS_ASKED);
    expect(relayStep(first, FOUR, 10)).toEqual({ type: 'ask', relays: [id('a')], isAgain: false });
    expect(relayStep(noted(first, [id('a')], { state: 'refuses' }), FOUR, 20)).toEqual({ type: 'giveUp' });
  });

  it('asks some of those that had no link again, who may have found a relay meanwhile, and then gives up', () => {
    let search = noted(relaySearch(0), [id('a'), id('b'), id('c'), id('d')], { state: 'hasNone' });
    search = noted(search, [id('b')], { state: 'refuses' });
    for (const atMs of RELAY_ASK_AGAIN_MS) {
      expect(relayStep(search, FOUR, atMs - 1)).toEqual({ type: 'wait', untilMs: atMs });
      const step = relayStep(search, FOUR, atMs);
      expect(step).toEqual({ type: 'ask', relays: [id('d'), id('c'), id('a')], isAgain: true });
      search = { ...search, again: search.again + 1 };
    }
    expect(relayStep(search, FOUR, RELAY_ASK_AGAIN_MS.at(-1)! + 1)).toEqual({ type: 'giveUp' });
  });

  it('asks more members each time, and a bounded number of them', () => {
    const many = Array.from('0123456789abcdef').flatMap((digit) => [candidate(digit, 1), candidate(digit + digit, 1)]);
    let search = relaySearch(0);
    const counts: number[] = [];
    for (let step = relayStep(search, many, 0); step.type === 'ask'; step = relayStep(search, many, 0)) {
      counts.push(step.relays.length);
      search = noted(search, step.relays, { state: 'refuses' });
    }
    expect(counts).toEqual([3, 3, 6, 12]);
    expect(search.asked.size).toBe(MAX_RELAYS_ASKED);
  });

  it('asks a relay again that makes a link to the peer', () => {
    const search = noted(relaySearch(0), [id('b')], { state: 'connecting', atMs: 50 });
    expect(relayStep(search, FOUR, 60)).toEqual({ type: 'wait', untilMs: 50 + RELAY_OFFER_MS });
    expect(relayStep(search, FOUR, 50 + RELAY_OFFER_MS)).toMatchObject({ type: 'ask', relays: [id('b')] });
  });

  it('ends after a while, whatever is promised', () => {
    const search = noted(relaySearch(0), [id('b')], { state: 'connecting', atMs: RELAY_SEARCH_MS - 1 });
    expect(relayStep(search, FOUR, RELAY_SEARCH_MS)).toEqual({ type: 'giveUp' });
  });
});
