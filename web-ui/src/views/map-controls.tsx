/** Controls of the map: zoom, fit, reset of pins, filter of links. */
import { LINK_FILTERS } from '../state/link-filter.js';
import type { LinkFilter } from '../state/link-filter.js';
import { linkFilter } from '../state/store.js';
import { FitIcon, MinusIcon, PlusIcon, UnpinIcon } from '../ui/icons.js';
import { fit, pins, resetLayout, zoom } from './map-state.js';

const FILTER_WORDS: Readonly<Record<LinkFilter, readonly [label: string, title: string]>> = {
  auto: ['Auto', 'All links of a small mesh; in a large mesh, problems and the selection'],
  all: ['All links', 'Every link'],
  problems: ['Problems', 'Links that are not up, and links of the selection'],
};

export function MapControls() {
  return (
    <div class="map-controls">
      <div class="segmented" role="radiogroup" aria-label="Links shown">
        {LINK_FILTERS.map((filter) => (
          <FilterButton key={filter} filter={filter} />
        ))}
      </div>
      <div class="button-group" role="group" aria-label="View">
        <button type="button" class="icon-button" title="Zoom in (+)" aria-label="Zoom in" onClick={() => zoom(1.25)}>
          <PlusIcon />
        </button>
        <button type="button" class="icon-button" title="Zoom out (-)" aria-label="Zoom out" onClick={() => zoom(0.8)}>
          <MinusIcon />
        </button>
        <button type="button" class="icon-button" title="Fit all nodes (0)" aria-label="Fit all nodes" onClick={fit}>
          <FitIcon />
        </button>
        {pins.value.size === 0 ? null : (
          <button
            type="button"
            class="icon-button"
            title="Put all nodes back"
            aria-label="Put all nodes back"
            onClick={resetLayout}
          >
            <UnpinIcon />
          </button>
        )}
      </div>
    </div>
  );
}

function FilterButton({ filter }: { filter: LinkFilter }) {
  const [label, title] = FILTER_WORDS[filter];
  const active = linkFilter.value === filter;
  return (
    <button
      type="button"
      role="radio"
      aria-checked={active}
      class={active ? 'is-active' : ''}
      title={title}
      onClick={() => (linkFilter.value = filter)}
    >
      {label}
    </button>
  );
}
