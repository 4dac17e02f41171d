/** Tables below the map with the same facts, for sorting and for screen readers. */
import { computed, signal } from '@preact/signals';
import { formatCount } from '../format.js';
import { readPreference, writePreference } from '../state/preferences.js';
import { policies } from '../state/policies.js';
import { foundIds, mesh } from '../state/store.js';
import { ChevronIcon } from '../ui/icons.js';
import { NodesTable } from './nodes-table.js';
import { PoliciesTable, policyRows } from './policies-table.js';
import { podRows, PodsTable } from './pods-table.js';

/** With more rows the tables take their maximum height. */
const MAX_SHORT = 6;

const TABS = ['nodes', 'pods', 'policies'] as const;
type Tab = (typeof TABS)[number];

const chosen = signal<Tab>(TABS.find((name) => name === readPreference('tab')) ?? 'nodes');
/** A node without network policies has no such tab. */
const tabs = computed((): readonly Tab[] =>
  policies.value === null ? TABS.filter((name) => name !== 'policies') : TABS,
);
const tab = computed<Tab>(() => tabs.value.find((name) => name === chosen.value) ?? 'nodes');
const folded = signal(readPreference('tables-folded') === true);

export function Tables() {
  const known = mesh.value;
  if (known === null) return null;
  const nodes = known.nodes.filter((node) => foundIds.value?.has(node.id) ?? true);
  const pods = podRows(known);
  const isolation = policyRows(policies.value ?? []);
  return (
    <section
      class={`tables${folded.value ? ' is-folded' : known.nodes.length > MAX_SHORT ? ' is-tall' : ''}`}
      id="tables"
      tabIndex={-1}
      aria-label="Tables"
    >
      <div class="tabs" role="tablist" onKeyDown={onTabKey}>
        <TabButton name="nodes" title="Nodes" count={nodes.length} />
        <TabButton name="pods" title="Pods" count={pods.length} />
        {policies.value === null ? null : <TabButton name="policies" title="Policies" count={isolation.length} />}
        <button
          type="button"
          class="icon-button fold"
          aria-expanded={!folded.value}
          aria-label={folded.value ? 'Show the tables' : 'Hide the tables'}
          title={folded.value ? 'Show the tables' : 'Hide the tables'}
          onClick={() => setFolded(!folded.value)}
        >
          <ChevronIcon up={folded.value} />
        </button>
      </div>
      {folded.value ? null : (
        <div class="table-frame" role="tabpanel" id="table-panel" aria-labelledby={`tab-${tab.value}`}>
          {tab.value === 'nodes' ? <NodesTable mesh={known} nodes={nodes} /> : null}
          {tab.value === 'pods' ? <PodsTable rows={pods} /> : null}
          {tab.value === 'policies' ? <PoliciesTable rows={isolation} /> : null}
        </div>
      )}
    </section>
  );
}

/** Left and right choose the next tab and move the focus there (ARIA tabs pattern). */
function onTabKey(event: KeyboardEvent): void {
  if (event.key !== 'ArrowLeft' && event.key !== 'ArrowRight') return;
  const step = event.key === 'ArrowRight' ? 1 : tabs.value.length - 1;
  chooseTab(tabs.value[(tabs.value.indexOf(tab.value) + step) % tabs.value.length]!);
  document.getElementById(`tab-${tab.value}`)?.focus();
}

function chooseTab(name: Tab): void {
  chosen.value = name;
  writePreference('tab', name);
  setFolded(false);
}

function setFolded(value: boolean): void {
  folded.value = value;
  writePreference('tables-folded', value);
}

function TabButton({ name, title, count }: { name: Tab; title: string; count: number }) {
  const active = tab.value === name;
  return (
    <button
      type="button"
      role="tab"
      id={`tab-${name}`}
      aria-controls="table-panel"
      aria-selected={active}
      class={active ? 'is-active' : ''}
      tabIndex={active ? 0 : -1}
      onClick={() => chooseTab(name)}
    >
      {title}
      <span class="count">{formatCount(count)}</span>
    </button>
  );
}
