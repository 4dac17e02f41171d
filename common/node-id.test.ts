import { describe, expect, it } from '@jest/globals';
import { DecodeError } from './errors.js';
import { nodeIdOf, parseNodeId } from './node-id.js';

describe('node ids', () => {
  it('are the first half of the SHA-256 of the public key', () => {
    // SHA-256 of 32 zero bytes.
    expect(nodeIdOf(new Uint8Array(32))).toBe('66687aadf862bd776c8fc18b8e9f8e20');
    expect(parseNodeId(nodeIdOf(new Uint8Array(32)))).toBe('66687aadf862bd776c8fc18b8e9f8e20');
  });

  it.each([
    '',
    '66687AADF862BD776C8FC18B8E9F8E20',
    '66687aadf862bd776c8fc18b8e9f8e2',
    '66687aadf862bd776c8fc18b8e9f8e200',
    'node-a',
  ])('refuse %j', (text) => {
    expect(() => parseNodeId(text)).toThrow(DecodeError);
  });
});
