/** Selection, and its form in the address bar: `#node=<id>`, `#link=<id>~<id>`. Pure. */
import type { Mesh } from './mesh.js';
import { linkKey } from './mesh.js';

export type Selection =
  | { readonly kind: 'none' }
  | { readonly kind: 'node'; readonly id: string }
  | { readonly kind: 'link'; readonly a: string; readonly b: string };

export const NOTHING: Selection = { kind: 'none' };

/** No selection for a hash of another form. */
export function parseHash(hash: string): Selection {
  const parameters = new URLSearchParams(hash.replace(/^#/, ''));
  const node = parameters.get('node');
  if (node !== null && node !== '') return { kind: 'node', id: node };
  const [a, b] = (parameters.get('link') ?? '').split('~');
  return a && b && a !== b ? { kind: 'link', a, b } : NOTHING;
}

export function formatHash(selection: Selection): string {
  switch (selection.kind) {
    case 'none':
      return '';
    case 'node':
      return `#node=${encodeURIComponent(selection.id)}`;
    case 'link':
      return `#link=${encodeURIComponent(selection.a)}~${encodeURIComponent(selection.b)}`;
  }
}

export function isSelectedNode(selection: Selection, id: string): boolean {
  return selection.kind === 'node' && selection.id === id;
}

export function isSelectedLink(selection: Selection, a: string, b: string): boolean {
  return selection.kind === 'link' && linkKey(selection.a, selection.b) === linkKey(a, b);
}

/** Whether the link from `a` to `b` is selected, or is a link of the selected node. */
export function touchesSelection(selection: Selection, a: string, b: string): boolean {
  return isSelectedNode(selection, a) || isSelectedNode(selection, b) || isSelectedLink(selection, a, b);
}

/** The selection if it is in the mesh, none otherwise. */
export function presentIn(mesh: Mesh, selection: Selection): Selection {
  switch (selection.kind) {
    case 'none':
      return NOTHING;
    case 'node':
      return mesh.nodeById.has(selection.id) ? selection : NOTHING;
    case 'link':
      return mesh.linkByKey.has(linkKey(selection.a, selection.b)) ? selection : NOTHING;
  }
}
