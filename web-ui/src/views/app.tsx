/** Root view of the page. */
import { connection, selection } from '../state/store.js';
import { Drawer } from './drawer.js';
import { Header } from './header.js';
import { StaleBanner } from './live-indicator.js';
import { MapView } from './map.js';
import { Tables } from './tables.js';

/** Without a change of the address, which names the selection. */
function skipToTables(event: MouseEvent): void {
  event.preventDefault();
  document.getElementById('tables')?.focus();
}

export function App() {
  const stale = connection.value.phase === 'stale';
  return (
    <div class={`app${stale ? ' is-stale' : ''}${selection.value.kind === 'none' ? '' : ' has-drawer'}`}>
      <a class="skip-link" href="#tables" onClick={skipToTables}>
        Skip to the tables
      </a>
      <Header />
      <StaleBanner />
      <main class="main">
        <MapView />
        <Tables />
      </main>
      <Drawer />
    </div>
  );
}
