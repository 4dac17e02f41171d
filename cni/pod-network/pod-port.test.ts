import { describe, expect, it } from '@jest/globals';
import { hostInterfaceOf, hostMacOf } from '../attachment.js';
import { formatLinkAlias } from './link-alias.js';
import { hasPodPortMark, isPodPort } from './pod-port.js';

const owner = { containerId: 'pod-a', ifname: 'eth0' };
const port = {
  name: hostInterfaceOf(owner),
  mac: hostMacOf(owner),
  alias: formatLinkAlias({ owner, network: 'heddle', netns: '/run/netns/a' })!,
  bridge: 'heddle0',
};

describe('a pod port among the interfaces of a host', () => {
  it.each([
    ['both marks', {}],
    ['its MAC alone, as right after it was made', { alias: '', bridge: null }],
    ['its alias alone, when its MAC was changed', { mac: '02:00:00:00:00:01' }],
  ])('is recognised by %s', (_, change) => {
    expect(isPodPort({ ...port, ...change }, 'heddle0')).toBe(true);
  });

  it.each([
    ['a name alone', { mac: '02:00:00:00:00:01', alias: '' }],
    ['the alias of another port', { name: 'hd0123456789abc' }],
    ['the MAC of another port', { name: 'hd0123456789abc', alias: '' }],
    ['an alias in words', { mac: '', alias: 'uplink' }],
    ['a name that only begins like one of ours, and no MAC', { name: 'hd', mac: '', alias: '' }],
  ])('is not taken for one by %s', (_, change) => {
    expect(hasPodPortMark({ ...port, ...change })).toBe(false);
    expect(isPodPort({ ...port, ...change }, 'heddle0')).toBe(false);
  });

  it('belongs to another node when it is on another bridge', () => {
    expect(isPodPort({ ...port, bridge: 'heddle1' }, 'heddle0')).toBe(false);
  });
});
