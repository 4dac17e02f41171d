import { describe, expect, it } from '@jest/globals';
import { fakeLink, fakeNode, fakeTopology } from '../testing/fake-mesh.js';
import { meshOf } from './mesh.js';
import { formatHash, isSelectedLink, NOTHING, parseHash, presentIn, touchesSelection } from './selection.js';

describe('selection in the address bar', () => {
  it.each([[NOTHING], [{ kind: 'node', id: 'a1' } as const], [{ kind: 'link', a: 'a1', b: 'b2' } as const]])(
    'comes back as it was: %j',
    (selection) => {
      expect(parseHash(formatHash(selection))).toEqual(selection);
    },
  );

  it.each(['', '#', '#node=', '#link=a', '#link=a~a', '#other=1', '#%%%'])('%s selects nothing', (hash) => {
    expect(parseHash(hash)).toBe(NOTHING);
  });
});

describe('selection', () => {
  it('is the same link from either end', () => {
    expect(isSelectedLink({ kind: 'link', a: '2', b: '1' }, '1', '2')).toBe(true);
  });

  it('includes the links of a selected node', () => {
    expect(touchesSelection({ kind: 'node', id: '1' }, '2', '1')).toBe(true);
    expect(touchesSelection({ kind: 'node', id: '3' }, '2', '1')).toBe(false);
  });

  it('is empty when it is not in the mesh', () => {
    const mesh = meshOf(fakeTopology([fakeNode('1'), fakeNode('2')], [fakeLink('1', '2')]));
    expect(presentIn(mesh, { kind: 'link', a: '2', b: '1' }).kind).toBe('link');
    expect(presentIn(mesh, { kind: 'node', id: '9' })).toBe(NOTHING);
  });
});
