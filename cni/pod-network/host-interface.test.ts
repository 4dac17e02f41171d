import { describe, expect, it } from '@jest/globals';
import { hostInterfaceOf, hostMacOf } from '../attachment.js';
import { formatInterfaceAlias } from './interface-alias.js';
import { hasHostInterfaceMark, isHostInterface } from './host-interface.js';

const owner = { containerId: 'pod-a', ifname: 'eth0' };
const found = {
  name: hostInterfaceOf(owner),
  mac: hostMacOf(owner),
  alias: formatInterfaceAlias({ owner, network: 'heddle', netns: '/run/netns/a' })!,
  bridge: 'heddle0',
};

describe("a pod's host interface", () => {
  it.each([
    ['alias and MAC', {}],
    ['its MAC alone, as right after its creation', { alias: '', bridge: null }],
    ['its alias alone, after a change of its MAC', { mac: '02:00:00:00:00:01' }],
  ])('is recognised by %s', (_, change) => {
    expect(isHostInterface({ ...found, ...change }, 'heddle0')).toBe(true);
  });

  it.each([
    ['its name alone', { mac: '02:00:00:00:00:01', alias: '' }],
    ['the alias of another interface', { name: 'hd0123456789abc' }],
    ['the MAC of another interface', { name: 'hd0123456789abc', alias: '' }],
    ['an alias of another form', { mac: '', alias: 'uplink' }],
    ['the prefix of its name alone, without MAC', { name: 'hd', mac: '', alias: '' }],
  ])('is not recognised by %s', (_, change) => {
    expect(hasHostInterfaceMark({ ...found, ...change })).toBe(false);
    expect(isHostInterface({ ...found, ...change }, 'heddle0')).toBe(false);
  });

  it('on another bridge belongs to another node', () => {
    expect(isHostInterface({ ...found, bridge: 'heddle1' }, 'heddle0')).toBe(false);
  });
});
