import { describe, expect, it } from '@jest/globals';
import { nodeIdOf } from '../../common/node-id.js';
import type { NodeId } from '../../common/node-id.js';
import { NODE_CHANGE_AGE_MS, NODE_CHANGE_KNOWN_MS } from '../limits.js';
import { SeededRandom } from '../testing/seeded-random.js';
import type { Advert } from '../wire/advert.js';
import { NodeChanges } from './node-changes.js';

const CHANGE = { name: 'worker-7', change: '00000000000000a1' };
const PEER = nodeIdOf(new Uint8Array(32));
const LATE_MS = 1_000;

/** A node with one linked peer, and one member of any name. */
class Teller {
  readonly sentTo: NodeId[] = [];
  reconsidered = 0;
  asked = 0;
  readonly changes = new NodeChanges({
    random: new SeededRandom(1),
    memberCount: () => 2,
    named: (name) => [{ name } as Advert],
    linkedPeers: () => [PEER],
    send: (peer) => this.sentTo.push(peer),
    reconsider: () => this.reconsidered++,
    ask: () => this.asked++,
  });

  learn(atMs: number): this {
    this.changes.learn([CHANGE], atMs);
    this.changes.advance(atMs + LATE_MS);
    return this;
  }

  /** How many messages a reminder is. */
  remind(atMs: number): number {
    const before = this.sentTo.length;
    this.changes.remind(PEER, atMs);
    return this.sentTo.length - before;
  }
}

describe('a change of a node', () => {
  it('is passed on and asked about once', () => {
    const teller = new Teller().learn(0).learn(10_000);
    expect(teller).toMatchObject({ sentTo: [PEER], reconsidered: 1, asked: 1 });
  });

  it('goes with digests for a minute', () => {
    const teller = new Teller().learn(0);
    expect(teller.remind(NODE_CHANGE_AGE_MS - 1)).toBe(1);
    expect(teller.remind(NODE_CHANGE_AGE_MS)).toBe(0);
  });

  it('is no new one for those who know it, told by a node that learned of it late', () => {
    const [early, late] = [new Teller().learn(0), new Teller().learn(NODE_CHANGE_AGE_MS - LATE_MS)];
    const atMs = NODE_CHANGE_AGE_MS + LATE_MS;
    expect(late.remind(atMs)).toBe(1);
    expect(early.learn(atMs)).toMatchObject({ sentTo: [PEER], reconsidered: 1, asked: 1 });
  });

  it('is a new one again when it was long ago', () => {
    expect(new Teller().learn(0).learn(NODE_CHANGE_KNOWN_MS)).toMatchObject({ reconsidered: 2, asked: 2 });
  });
});
