import { describe, expect, it } from '@jest/globals';
import type { NodeId } from '../../common/node-id.js';
import { BUCKET_HASH_BYTES, BUCKETS } from '../../mesh/limits.js';
import { encodeControl } from '../../mesh/wire/control-message.js';
import { isGossip } from './gossip-gate.js';

const ID = '0'.repeat(32) as NodeId;

describe('the gate', () => {
  it('recognises gossip', () => {
    expect(isGossip(encodeControl({ type: 'adverts', adverts: [] }))).toBe(true);
    expect(isGossip(encodeControl({ type: 'digest', fromId: ID, toId: null, entries: [] }))).toBe(true);
    expect(isGossip(encodeControl({ type: 'pull', ids: [ID] }))).toBe(true);
    expect(isGossip(encodeControl({ type: 'hashes', bytes: new Uint8Array(BUCKETS * BUCKET_HASH_BYTES) }))).toBe(true);
  });

  it('lets everything else pass', () => {
    expect(isGossip(encodeControl({ type: 'goodbye' }))).toBe(false);
    expect(isGossip(encodeControl({ type: 'linksQuery' }))).toBe(false);
    expect(isGossip(new Uint8Array(0))).toBe(false);
  });
});
