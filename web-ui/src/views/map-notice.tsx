/** Notice on an empty map: data has not come, or there are no peers and what to do. */
import { mesh, status } from '../state/store.js';
import { Command } from '../ui/copy-button.js';

export function MapNotice() {
  const known = mesh.value;
  if (known === null) {
    return (
      <div class="map-notice is-waiting" role="status">
        <span class="spinner" aria-hidden="true" />
        Waiting for the agent…
      </div>
    );
  }
  return known.nodes.length > 1 ? null : <NoPeers />;
}

function NoPeers() {
  const self = status.value;
  const port = self?.listen.replace(/^.*:/, '') ?? '';
  const address = self?.underlayAddresses[0] ?? null;
  const seed = address === null ? null : `${address.includes(':') ? `[${address}]` : address}:${port}`;
  return (
    <div class="map-notice">
      <h2>No peers yet</h2>
      <p>
        No other node is known. Start Heddle on another node with the same cluster secret and with this node among its
        seeds{seed === null ? '.' : ':'}
      </p>
      {seed === null ? null : <Command text={`HEDDLE_SEEDS=${seed}`} />}
      <p class="quiet">It appears here within seconds. UDP port {port} must be open both ways.</p>
    </div>
  );
}
