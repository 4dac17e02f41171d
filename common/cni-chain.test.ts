import { describe, expect, it } from '@jest/globals';
import { parseCniChain } from './cni-chain.js';

describe('the setting cniChain', () => {
  it('is a list of plugin configurations, or empty', () => {
    expect(parseCniChain(' ')).toEqual([]);
    expect(parseCniChain('[{"type":"tuning","sysctl":{"a":"1"}}]')).toEqual([{ type: 'tuning', sysctl: { a: '1' } }]);
  });

  it.each([
    'tuning',
    '{"type":"tuning"}',
    '["tuning"]',
    '[{"type":""}]',
    '[{"type":"a/b"}]',
    '[{"type":"heddle-cni"}]',
  ])('refuses %s', (text) => {
    expect(() => parseCniChain(text)).toThrow(expect.objectContaining({ code: 'DECODE_FAILED' }));
  });
});
