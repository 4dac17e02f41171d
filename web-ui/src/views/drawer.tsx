/** Side drawer with the details of the selected node or link. */
import type { ComponentChildren } from 'preact';
import { linkKey } from '../state/mesh.js';
import type { Mesh } from '../state/mesh.js';
import type { Selection } from '../state/selection.js';
import { clearSelection, mesh, selection } from '../state/store.js';
import { CloseIcon } from '../ui/icons.js';
import { LinkDetail } from './link-detail.js';
import { NodeDetail } from './node-detail.js';

export function Drawer() {
  const known = mesh.value;
  const chosen = selection.value;
  if (known === null || chosen.kind === 'none') return null;
  return (
    <aside class="drawer" aria-label="Details">
      <button
        type="button"
        class="icon-button drawer-close"
        title="Close (Esc)"
        aria-label="Close details"
        onClick={clearSelection}
      >
        <CloseIcon />
      </button>
      <div class="drawer-body">{detailOf(known, chosen)}</div>
    </aside>
  );
}

function detailOf(known: Mesh, chosen: Selection): ComponentChildren {
  switch (chosen.kind) {
    case 'none':
      return null;
    case 'node': {
      const node = known.nodeById.get(chosen.id);
      return node === undefined ? null : <NodeDetail key={node.id} mesh={known} node={node} />;
    }
    case 'link': {
      const link = known.linkByKey.get(linkKey(chosen.a, chosen.b));
      return link === undefined ? null : <LinkDetail key={linkKey(link.a, link.b)} mesh={known} link={link} />;
    }
  }
}
