/**
 * Store of the page's state as signals. Views read them; only functions of this file write them. Not here: the connection
 * (`live-feed.ts`), positions and zoom of the map (`views/map-state.ts`).
 */
import { computed, effect, signal } from '@preact/signals';
import type { Status, Topology } from '../../../common/api.js';
import type { Connection } from './connection.js';
import { History } from './history.js';
import { labelsOf } from './labels.js';
import type { LinkFilter } from './link-filter.js';
import type { Mesh } from './mesh.js';
import { meshOf } from './mesh.js';
import { search } from './search.js';
import { formatHash, NOTHING, parseHash, presentIn } from './selection.js';
import type { Selection } from './selection.js';

export const status = signal<Status | null>(null);
export const mesh = signal<Mesh | null>(null);
export const connection = signal<Connection>({ phase: 'opening' });
/** Wall-clock time, updated once a second, for ages such as "5 s ago". */
export const nowMs = signal(Date.now());
export const query = signal('');
export const linkFilter = signal<LinkFilter>('auto');
export const history = new History();

const requested = signal<Selection>(parseHash(location.hash));

/** Requested selection, or none when it is not in the mesh. */
export const selection = computed<Selection>(() =>
  mesh.value === null ? NOTHING : presentIn(mesh.value, requested.value),
);

export const found = computed(() => (mesh.value === null ? [] : search(mesh.value, query.value)));

/** Ids of the nodes that match the search, or null without a search. */
export const foundIds = computed(() =>
  query.value.trim() === '' ? null : new Set(found.value.map((each) => each.node.id)),
);

const labels = computed(() => labelsOf(mesh.value?.nodes.map(({ name }) => name) ?? []));

/** Name of the node on the map. */
export function labelOf({ name }: { readonly name: string }): string {
  return labels.value.get(name) ?? name;
}

export function takeTopology(topology: Topology): void {
  const next = meshOf(topology);
  history.record(next, Date.now());
  mesh.value = next;
}

export function select(next: Selection): void {
  requested.value = next;
  const address = formatHash(next);
  if (location.hash !== address) window.history.replaceState(null, '', address === '' ? location.pathname : address);
}

export function selectNode(id: string): void {
  select({ kind: 'node', id });
}

export function clearSelection(): void {
  select(NOTHING);
}

/** Synchronises the selection with the address bar, and the title with the node. */
export function startStore(): void {
  window.addEventListener('hashchange', () => (requested.value = parseHash(location.hash)));
  setInterval(() => (nowMs.value = Date.now()), 1_000);
  effect(() => {
    const known = status.value;
    document.title = known === null ? 'Heddle' : `${known.ready ? '' : '(!) '}${known.name} · Heddle`;
  });
}
