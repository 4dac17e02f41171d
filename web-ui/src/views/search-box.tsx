/** Search box for names, addresses and pods: dims other nodes, filters the tables, and selects the first match on Enter. */
import { useComputed, useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { clearSelection, found, query, selectNode } from '../state/store.js';
import { SearchIcon, StateIcon } from '../ui/icons.js';

const MAX_SHOWN = 8;

export function SearchBox() {
  const field = useRef<HTMLInputElement>(null);
  const focused = useSignal(false);
  useEffect(() => listenForSlash(field), []);
  const shown = useComputed(() => focused.value && query.value.trim() !== '');
  return (
    <div class="search" role="search">
      <SearchIcon />
      <input
        ref={field}
        type="search"
        placeholder="Search nodes, pods, IPs"
        aria-label="Search nodes, pods and addresses"
        spellcheck={false}
        autocomplete="off"
        value={query}
        onInput={(event) => (query.value = event.currentTarget.value)}
        onFocus={() => (focused.value = true)}
        onBlur={() => (focused.value = false)}
        onKeyDown={onKeyDown}
      />
      <kbd aria-hidden="true">/</kbd>
      {shown.value ? <Results /> : null}
    </div>
  );
}

function Results() {
  const all = found.value;
  return (
    <div class="search-results">
      {all.slice(0, MAX_SHOWN).map(({ node, matched }) => (
        // On pointerdown, because the list disappears when the field loses focus.
        <button key={node.id} type="button" tabIndex={-1} onPointerDown={() => selectNode(node.id)}>
          <StateIcon state={node.state} />
          <span>{node.name}</span>
          {matched === null ? null : <span class="matched mono">{matched}</span>}
        </button>
      ))}
      {all.length === 0 ? <p class="quiet">Nothing matches.</p> : null}
      {all.length > MAX_SHOWN ? <p class="quiet">and {all.length - MAX_SHOWN} more</p> : null}
    </div>
  );
}

function onKeyDown(event: KeyboardEvent & { readonly currentTarget: HTMLInputElement }): void {
  const first = found.value[0];
  if (event.key === 'Enter' && first !== undefined) selectNode(first.node.id);
  if (event.key !== 'Escape') return;
  event.stopPropagation();
  if (query.value === '') event.currentTarget.blur();
  query.value = '';
}

/** Keyboard shortcuts: `/` outside a field focuses the search, Escape closes the drawer. */
function listenForSlash(field: { readonly current: HTMLInputElement | null }): () => void {
  const onKey = (event: KeyboardEvent): void => {
    if (event.target instanceof HTMLInputElement || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === 'Escape') clearSelection();
    if (event.key !== '/') return;
    event.preventDefault();
    field.current?.focus();
    field.current?.select();
  };
  document.addEventListener('keydown', onKey);
  return () => document.removeEventListener('keydown', onKey);
}
