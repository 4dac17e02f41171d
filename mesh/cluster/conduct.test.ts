import { describe, expect, it } from '@jest/globals';
import type { NodeId } from '../../common/node-id.js';
import { Counters } from '../counters.js';
import { FEW_REFUSALS, MAX_UNPROVEN_PER_SENDER, NOTICE_INTERVAL_MS } from '../limits.js';
import { Notices } from '../notices.js';
import type { Notice } from '../notices.js';
import { Conduct } from './conduct.js';

const [MEMBER, OTHER] = ['1'.repeat(32), '2'.repeat(32)] as [NodeId, NodeId];

/** Conduct with what it says of members. */
function conductOf(): { readonly conduct: Conduct; readonly counters: Counters; readonly said: Notice['fields'][] } {
  const said: Notice['fields'][] = [];
  const counters = new Counters();
  const notices = new Notices(({ fields }) => said.push(fields));
  return { conduct: new Conduct({ counters, notices, nameOf: () => 'a' }), counters, said };
}

describe('the conduct of a member', () => {
  it('is told at once when no honest node does that', () => {
    const { conduct, counters, said } = conductOf();
    conduct.refused(MEMBER, 'badDeathReport', 0);
    expect(said).toEqual([{ node: MEMBER, name: 'a', reason: 'badDeathReport' }]);
    expect(counters.all()).toMatchObject({ badDeathReport: 1 });
  });

  it('is told when it does too often what others do seldom', () => {
    const { conduct, said } = conductOf();
    for (let i = 1; i < FEW_REFUSALS; i++) conduct.refused(MEMBER, 'relayTooOften', i);
    for (let i = 1; i < FEW_REFUSALS; i++) conduct.refused(OTHER, 'relayTooOften', NOTICE_INTERVAL_MS * i);
    expect(said).toEqual([]);
    conduct.refused(MEMBER, 'relayTooOften', FEW_REFUSALS);
    expect(said).toEqual([{ node: MEMBER, name: 'a', reason: 'relayTooOften' }]);
  });

  it('is told when it tells of many members within a minute, but not to a node that knows nobody yet', () => {
    const { conduct, said } = conductOf();
    const tell = (count: number, atMs: number): void => {
      for (let i = 0; i < count; i++) conduct.introduced(MEMBER, atMs);
    };
    tell(10_000, 5_000);
    const laterMs = 5_000 + NOTICE_INTERVAL_MS;
    tell(MAX_UNPROVEN_PER_SENDER, laterMs);
    tell(MAX_UNPROVEN_PER_SENDER, laterMs + NOTICE_INTERVAL_MS);
    expect(said).toEqual([]);
    tell(1, laterMs + NOTICE_INTERVAL_MS);
    expect(said).toEqual([{ node: MEMBER, name: 'a', reason: 'introduced' }]);
  });

  it('is told at once when it tells of many members to a node that remembers some', () => {
    const { conduct, said } = conductOf();
    conduct.remembered();
    for (let i = 0; i <= MAX_UNPROVEN_PER_SENDER; i++) conduct.introduced(MEMBER, 5_000);
    expect(said).toEqual([{ node: MEMBER, name: 'a', reason: 'introduced' }]);
  });
});
