import { describe, expect, it } from '@jest/globals';
import { fakeLink, fakeNode, fakeTopology } from '../testing/fake-mesh.js';
import { MAX_NODES_WITH_ALL_LINKS, visibleLinks } from './link-filter.js';
import { meshOf } from './mesh.js';
import { NOTHING } from './selection.js';

const links = [fakeLink('0', '1'), fakeLink('1', '2', { state: 'stale' }), fakeLink('3', '4')];
const meshOfSize = (size: number) =>
  meshOf(
    fakeTopology(
      Array.from({ length: size }, (_, index) => fakeNode(String(index))),
      links,
    ),
  );
const small = meshOfSize(MAX_NODES_WITH_ALL_LINKS);
const large = meshOfSize(MAX_NODES_WITH_ALL_LINKS + 1);
const ends = (shown: readonly { a: string; b: string }[]) => shown.map((link) => `${link.a}-${link.b}`);

describe('drawn links', () => {
  it('are all in a small mesh', () => {
    expect(visibleLinks(small, 'auto', NOTHING)).toHaveLength(3);
  });

  it('are those with problems and those of the selection in a large mesh', () => {
    expect(ends(visibleLinks(large, 'auto', NOTHING))).toEqual(['1-2']);
    expect(ends(visibleLinks(large, 'auto', { kind: 'node', id: '4' }))).toEqual(['1-2', '3-4']);
    expect(ends(visibleLinks(large, 'auto', { kind: 'link', a: '1', b: '0' }))).toEqual(['0-1', '1-2']);
  });

  it('are what the person chose', () => {
    expect(ends(visibleLinks(small, 'problems', NOTHING))).toEqual(['1-2']);
    expect(visibleLinks(large, 'all', NOTHING)).toHaveLength(3);
  });
});
