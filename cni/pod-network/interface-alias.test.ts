import { describe, expect, it } from '@jest/globals';
import { formatInterfaceAlias, parseInterfaceAlias } from './interface-alias.js';

const ALIAS = { owner: { containerId: 'a'.repeat(64), ifname: 'eth0' }, network: 'heddle', netns: '/run/netns/cni-1' };

describe('the alias of a host interface', () => {
  it('is parsed as it was formatted', () => {
    expect(parseInterfaceAlias(formatInterfaceAlias(ALIAS) ?? '')).toEqual(ALIAS);
  });

  it('is left out when longer than the kernel allows', () => {
    expect(formatInterfaceAlias({ ...ALIAS, netns: `/${'x'.repeat(200)}` })).toBeNull();
  });

  it.each([
    '',
    'uplink',
    'heddle/2|a|eth0|n|/x',
    'heddle/1|a|eth0|n',
    'heddle/1|a|eth0|n|/x|more',
    'heddle/1||eth0|n|/x',
  ])('is null for other text: %j', (text) => {
    expect(parseInterfaceAlias(text)).toBeNull();
  });
});
