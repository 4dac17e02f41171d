import { describe, expect, it } from '@jest/globals';
import { parseNodeObject } from './node-object.js';
import { nodeObject } from './testing/node-objects.js';

describe('a Node object', () => {
  it('gives pod CIDRs with IPv4 first, whatever their order, and the internal addresses', () => {
    const node = nodeObject('w1', { podCIDRs: ['fd00:1::/64', '10.244.1.0/24'] }, ['192.0.2.1', '2001:db8::1']);
    expect(parseNodeObject(node)).toEqual({
      name: 'w1',
      uid: 'uid-w1',
      podCidrs: ['10.244.1.0/24', 'fd00:1::/64'],
      addresses: ['192.0.2.1', '2001:db8::1'],
      taints: [],
      nodeKey: null,
      networkUnavailable: null,
    });
  });

  it('gives its taints, and what it says of its network', () => {
    const taints = [{ key: 'heddle.io/not-ready', effect: 'NoSchedule', timeAdded: '2026-01-01T00:00:00Z' }];
    const conditions = [{ type: 'NetworkUnavailable', status: 'True' }];
    const node = { ...nodeObject('w1', { taints }, []), status: { conditions } };
    expect(parseNodeObject(node)).toMatchObject({ taints, networkUnavailable: 'True' });
  });

  it('has no pod CIDRs in its first seconds', () => {
    expect(parseNodeObject(nodeObject('w1', {}, []))).toMatchObject({ podCidrs: [], addresses: [] });
    expect(parseNodeObject({ metadata: { name: 'w1', uid: 'u' } })).toMatchObject({ podCidrs: [], addresses: [] });
  });

  it('may have the older field alone', () => {
    expect(parseNodeObject(nodeObject('w1', { podCIDR: '10.244.1.0/24' }, [])).podCidrs).toEqual(['10.244.1.0/24']);
  });

  it('names only addresses of type InternalIP', () => {
    const node = nodeObject('w1', {}, ['192.0.2.1']);
    node.status.addresses.push({ type: 'Hostname', address: 'w1' }, { type: 'ExternalIP', address: '198.51.100.1' });
    expect(parseNodeObject(node).addresses).toEqual(['192.0.2.1']);
  });

  it.each([
    [{ podCIDRs: ['10.244.1.0/33'] }, /Node w1: spec\.podCIDRs: .*10\.244\.1\.0\/33/],
    [{ podCIDRs: ['10.244.1.7/24'] }, /did you mean 10\.244\.1\.0\/24/],
  ])('is refused by name with %j', (spec, message) => {
    expect(() => parseNodeObject(nodeObject('w1', spec, []))).toThrow(message);
  });

  it.each([null, 7, {}, { metadata: { name: '' } }, { metadata: { name: 'w1', uid: 'u' }, spec: { podCIDRs: 'x' } }])(
    'is refused when it is %j',
    (value) => {
      expect(() => parseNodeObject(value)).toThrow('expected a Node object');
    },
  );
});
