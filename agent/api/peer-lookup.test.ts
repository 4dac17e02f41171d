import { describe, expect, it } from '@jest/globals';
import { RequestError } from '../../common/errors.js';
import { fakePeer } from './testing/fake-source.js';
import { findPeer } from './peer-lookup.js';

const beta = fakePeer('node-b', 'b');
const gamma = fakePeer('node-c', 'c');
const namedLikeAnId = { ...fakePeer('bbbb', 'd') };

describe('peer lookup', () => {
  it('finds by whole id, by name and by the beginning of an id', () => {
    for (const key of [gamma.id, 'node-c', 'cccc']) expect(findPeer([beta, gamma], key)).toBe(gamma);
  });

  it('prefers a name to the beginning of an id', () => {
    expect(findPeer([beta, namedLikeAnId], 'bbbb')).toBe(namedLikeAnId);
  });

  it('does not take a very short text for the beginning of an id', () => {
    expect(() => findPeer([beta], 'bbb')).toThrow(
      new RequestError('NOT_FOUND', 404, 'no peer has the id, id prefix or name "bbb"; /v1/peers lists all'),
    );
  });

  it('asks for an id when two peers share a name', () => {
    expect(() => findPeer([beta, { ...gamma, name: 'node-b' }], 'node-b')).toThrow(
      /means 2 peers: node-b \(b+\), node-b \(c+\)/,
    );
  });
});
