import { describe, expect, it } from '@jest/globals';
import { formatLinkAlias, parseLinkAlias } from './link-alias.js';

const ALIAS = { owner: { containerId: 'a'.repeat(64), ifname: 'eth0' }, network: 'heddle', netns: '/run/netns/cni-1' };

describe('the alias of a bridge port', () => {
  it('comes back as it was', () => {
    expect(parseLinkAlias(formatLinkAlias(ALIAS) ?? '')).toEqual(ALIAS);
  });

  it('is left out when the kernel would not take it', () => {
    expect(formatLinkAlias({ ...ALIAS, netns: `/${'x'.repeat(200)}` })).toBeNull();
  });

  it.each([
    '',
    'uplink',
    'heddle/2|a|eth0|n|/x',
    'heddle/1|a|eth0|n',
    'heddle/1|a|eth0|n|/x|more',
    'heddle/1||eth0|n|/x',
  ])('is not ours: %j', (text) => {
    expect(parseLinkAlias(text)).toBeNull();
  });
});
