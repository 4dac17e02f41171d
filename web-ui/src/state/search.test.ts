import { describe, expect, it } from '@jest/globals';
import { fakeNode, fakeTopology } from '../testing/fake-mesh.js';
import { meshOf } from './mesh.js';
import { search } from './search.js';

const mesh = meshOf(
  fakeTopology([
    fakeNode('a1', { podCidrs: ['10.42.1.0/24'], pods: [{ name: 'shop/web-0', ips: ['10.42.1.7'] }] }),
    fakeNode('b2', { podCidrs: ['10.42.2.0/24'], endpoint: '192.0.2.7:6785' }),
  ]),
);
const found = (query: string) => search(mesh, query).map((each) => [each.node.id, each.matched]);

describe('search', () => {
  it('finds nodes by name, without regard to case', () => {
    expect(found(' NODE-b ')).toEqual([['b2', null]]);
  });

  it('finds nodes by pods, addresses and endpoints, with the matching text', () => {
    expect(found('web-0')).toEqual([['a1', 'shop/web-0']]);
    expect(found('10.42.1.7')).toEqual([['a1', '10.42.1.7']]);
    expect(found('192.0.2')).toEqual([['b2', '192.0.2.7:6785']]);
  });

  it('finds nothing for an empty query', () => {
    expect(found('  ')).toEqual([]);
  });
});
