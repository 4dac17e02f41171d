/** Header of the page: name and readiness of the node, freshness of the data, search. */
import { useSignal } from '@preact/signals';
import { plural } from '../format.js';
import { tallyLinks } from '../state/mesh.js';
import type { Mesh } from '../state/mesh.js';
import { mesh, status } from '../state/store.js';
import { theme, toggleTheme } from '../state/theme.js';
import { pillText, verdictOf } from '../state/verdict.js';
import { Mark, MoonIcon, StateIcon, SunIcon, WarningIcon } from '../ui/icons.js';
import { Conditions, Targets } from './conditions.js';
import { LiveIndicator } from './live-indicator.js';
import { SearchBox } from './search-box.js';

export function Header() {
  return (
    <header class="header">
      <div class="brand">
        <Mark />
        <span class="brand-name">Heddle</span>
        {status.value === null ? null : <span class="brand-node">{status.value.name}</span>}
      </div>
      <ReadyPill />
      <Tally />
      <div class="header-space" />
      <SearchBox />
      <LiveIndicator />
      <ThemeButton />
    </header>
  );
}

function ReadyPill() {
  const open = useSignal(false);
  const known = status.value;
  if (known === null) return null;
  const verdict = verdictOf(known);
  return (
    <div class="ready">
      <button
        type="button"
        class={`ready-pill is-${PILL_TONES[verdict]}`}
        aria-expanded={open.value}
        onClick={() => (open.value = !open.value)}
      >
        {verdict === 'ok' ? <StateIcon state="up" /> : <WarningIcon size={14} />}
        {pillText(known)}
      </button>
      {open.value ? (
        <div class="popover" role="dialog" aria-label="Conditions of readiness">
          <Conditions conditions={known.conditions} />
          <Targets status={known} />
        </div>
      ) : null}
    </div>
  );
}

const PILL_TONES = { ok: 'up', warning: 'stale', notReady: 'down' } as const;

function Tally() {
  const known = mesh.value;
  if (known === null) return null;
  const links = tallyLinks(known);
  const pods = known.nodes.reduce((sum, node) => sum + (node.podCount ?? 0), 0);
  return (
    <div class="tally">
      <span>
        {plural(known.nodes.length, 'node')} · {plural(pods, 'pod')}
      </span>
      <Reports mesh={known} />
      {(['up', 'connecting', 'stale', 'down'] as const).map((state) =>
        links[state] === 0 ? null : (
          <span key={state} class={`tally-state is-${state}`} title={`${plural(links[state], 'link')} ${state}`}>
            <StateIcon state={state} />
            {links[state]} {state}
          </span>
        ),
      )}
    </div>
  );
}

/** Beyond 64 nodes only some report at a time, so that some links between others are not drawn. */
function Reports({ mesh: { reports } }: { mesh: Mesh }) {
  if (reports === null || reports.received >= reports.expected) return null;
  const title = 'Links between other nodes are drawn from the reports of at most 64 nodes at a time';
  return (
    <span title={title}>
      {reports.received} of {plural(reports.expected, 'peer')} reported
    </span>
  );
}

function ThemeButton() {
  const next = theme.value === 'dark' ? 'light' : 'dark';
  return (
    <button
      type="button"
      class="icon-button"
      title={`Switch to ${next}`}
      aria-label={`Switch to ${next} theme`}
      onClick={toggleTheme}
    >
      {theme.value === 'dark' ? <SunIcon /> : <MoonIcon />}
    </button>
  );
}
