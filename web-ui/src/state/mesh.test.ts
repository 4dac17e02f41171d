import { describe, expect, it } from '@jest/globals';
import { fakeLink, fakeNode, fakeTopology } from '../testing/fake-mesh.js';
import { linkKey, linksOf, meshOf, oldPodsSince, otherEnd, ratesSeenBy, selfOf, tallyLinks } from './mesh.js';

const nodes = [fakeNode('10'), fakeNode('2', { self: true }), fakeNode('1')];

describe('mesh', () => {
  it('orders nodes by name in natural order', () => {
    expect(meshOf(fakeTopology(nodes)).nodes.map((node) => node.name)).toEqual(['node-1', 'node-2', 'node-10']);
  });

  it('orders the ends of every link, with its rates', () => {
    const mesh = meshOf(fakeTopology(nodes, [fakeLink('2', '1', { abBitsPerSecond: 7, baBitsPerSecond: 9 })]));
    const link = mesh.linkByKey.get(linkKey('2', '1'));
    expect(link).toMatchObject({ a: '1', b: '2', abBitsPerSecond: 9, baBitsPerSecond: 7 });
    expect(link && ratesSeenBy(link, '2')).toEqual({ outBitsPerSecond: 7, inBitsPerSecond: 9 });
    expect(link && ratesSeenBy(link, '1')).toEqual({ outBitsPerSecond: 9, inBitsPerSecond: 7 });
    expect(link && otherEnd(link, '1')).toBe('2');
  });

  it('keeps the first of two reports of a link, and no link to an unknown node', () => {
    const links = [fakeLink('1', '2', { rttMs: 1 }), fakeLink('2', '1', { rttMs: 9 }), fakeLink('1', 'x')];
    const mesh = meshOf(fakeTopology(nodes, links));
    expect(mesh.links.map((link) => link.rttMs)).toEqual([1]);
  });

  it('gives the own node, the links of a node, and the number of nodes in each state', () => {
    const mesh = meshOf(fakeTopology(nodes, [fakeLink('1', '2'), fakeLink('1', '10', { state: 'down' })]));
    expect(selfOf(mesh)?.id).toBe('2');
    expect(linksOf(mesh, '2')).toHaveLength(1);
    expect(tallyLinks(mesh)).toEqual({ up: 1, connecting: 0, stale: 0, down: 1, idle: 0 });
  });

  it('marks pods with their age when the report of their node is old', () => {
    const old = fakeNode('b', { state: 'down', podsReportedAt: '2025-12-31T23:50:00Z' });
    const fresh = fakeNode('c', { podsReportedAt: '2025-12-31T23:59:58Z' });
    const mesh = meshOf(fakeTopology([old, fresh, fakeNode('d')]));
    expect([old, fresh, fakeNode('d')].map((node) => oldPodsSince(mesh, node))).toEqual([
      '2025-12-31T23:50:00Z',
      null,
      null,
    ]);
  });
});
