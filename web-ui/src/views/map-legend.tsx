/** Legend of the map: meaning of lines, and number of links not drawn. */
import { formatCount } from '../format.js';
import { LockIcon } from '../ui/icons.js';

const SAMPLES = ['up', 'connecting', 'stale', 'down'] as const;

/** @param props.hidden number of links that the filter leaves out */
export function MapLegend({ hidden }: { hidden: number }) {
  return (
    <div class="map-legend">
      {SAMPLES.map((state) => (
        <span key={state} class="legend-item">
          <svg width="26" height="10" viewBox="0 0 26 10" aria-hidden="true">
            <g class={`link is-${state}`}>
              <line class="link-line" x1="1" y1="5" x2="25" y2="5" stroke-width="2.4" />
              {state === 'down' ? <path class="legend-cross" d="m10 2 6 6m0-6-6 6" /> : null}
            </g>
          </svg>
          {state}
        </span>
      ))}
      <span class="legend-item">
        <LockIcon size={13} /> encrypted
      </span>
      {hidden > 0 ? <span class="legend-item legend-hidden">{formatCount(hidden)} healthy links not drawn</span> : null}
    </div>
  );
}
