/** What is selected, and how the address bar says it: `#node=<id>`, `#link=<id>~<id>`. Pure. */
import type { Mesh } from './mesh.js';
import { linkKey } from './mesh.js';

export type Selection =
  | { readonly kind: 'none' }
  | { readonly kind: 'node'; readonly id: string }
  | { readonly kind: 'link'; readonly a: string; readonly b: string };

export const NOTHING: Selection = { kind: 'none' };

/** An unknown or broken hash selects nothing. */
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

/** Whether the link from `a` to `b` belongs to what is selected: the link itself, or one of a selected node. */
export function touchesSelection(selection: Selection, a: string, b: string): boolean {
  return isSelectedNode(selection, a) || isSelectedNode(selection, b) || isSelectedLink(selection, a, b);
}

/** The selection if the mesh still has it, nothing otherwise. */
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
