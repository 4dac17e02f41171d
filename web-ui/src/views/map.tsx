/** Map: links below, nodes above, labels on top. Dragging the background pans, the wheel zooms. */
import { computed } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { linkKey } from '../state/mesh.js';
import { clearSelection, linkFilter, mesh, selection } from '../state/store.js';
import { visibleLinks } from '../state/link-filter.js';
import { plural } from '../format.js';
import { MapControls } from './map-controls.js';
import { LinkLabels } from './map-labels.js';
import { MapLegend } from './map-legend.js';
import { MapLink } from './map-link.js';
import { MapNode } from './map-node.js';
import { MapNotice } from './map-notice.js';
import { canvas, fit, pan, viewport, zoom } from './map-state.js';

/** Wheel units to zoom factor. */
const WHEEL_SPEED = 0.0016;
const KEY_PAN = 60;

/** In the order of drawing: links that are not up come last and are on top. */
const shownLinks = computed(() => {
  if (mesh.value === null) return [];
  const shown = visibleLinks(mesh.value, linkFilter.value, selection.value);
  return [...shown.filter((link) => link.state === 'up'), ...shown.filter((link) => link.state !== 'up')];
});
const transform = computed(() => {
  const { x, y, scale } = viewport.value;
  return `translate(${x.toFixed(2)} ${y.toFixed(2)}) scale(${scale.toFixed(4)})`;
});

export function MapView() {
  const frame = useRef<HTMLDivElement>(null);
  useEffect(() => observeSize(frame.current), []);
  const known = mesh.value;
  const title =
    known === null ? 'Map' : `Map of ${plural(known.nodes.length, 'node')} and ${plural(known.links.length, 'link')}`;
  return (
    <section class="map" ref={frame} aria-label="Topology">
      <svg
        class="map-canvas"
        role="group"
        aria-label={title}
        tabindex={0}
        onWheel={onWheel}
        onPointerDown={onPointerDown}
        onKeyDown={onKeyDown}
      >
        <g transform={transform}>
          <Links />
          <Nodes />
          <LinkLabels links={shownLinks} />
        </g>
      </svg>
      <MapNotice />
      <MapLegend hidden={(known?.links.length ?? 0) - shownLinks.value.length} />
      <MapControls />
    </section>
  );
}

function Links() {
  return (
    <g class="links">
      {shownLinks.value.map((link) => (
        <MapLink key={linkKey(link.a, link.b)} link={link} crowd={shownLinks.value.length} />
      ))}
    </g>
  );
}

function Nodes() {
  return (
    <g class="nodes">
      {mesh.value?.nodes.map((node) => (
        <MapNode key={node.id} node={node} />
      ))}
    </g>
  );
}

function observeSize(element: HTMLElement | null): (() => void) | undefined {
  if (element === null) return undefined;
  const observer = new ResizeObserver(() => {
    const { width, height } = element.getBoundingClientRect();
    if (width > 0 && height > 0) canvas.value = { width, height };
  });
  observer.observe(element);
  return () => observer.disconnect();
}

function onWheel(event: WheelEvent & { readonly currentTarget: SVGSVGElement }): void {
  event.preventDefault();
  const box = event.currentTarget.getBoundingClientRect();
  zoom(Math.exp(-event.deltaY * WHEEL_SPEED), { x: event.clientX - box.left, y: event.clientY - box.top });
}

/** On the background only, since nodes and links stop their own pointer events. */
function onPointerDown(event: PointerEvent & { readonly currentTarget: SVGSVGElement }): void {
  if (event.button !== 0) return;
  const svg = event.currentTarget;
  let moved = false;
  const onMove = (next: PointerEvent): void => {
    moved ||= Math.hypot(next.clientX - event.clientX, next.clientY - event.clientY) > 3;
    if (moved) pan({ x: next.movementX, y: next.movementY });
  };
  const onUp = (): void => {
    svg.removeEventListener('pointermove', onMove);
    if (!moved) clearSelection();
  };
  svg.setPointerCapture(event.pointerId);
  svg.addEventListener('pointermove', onMove);
  svg.addEventListener('pointerup', onUp, { once: true });
  svg.addEventListener('pointercancel', onUp, { once: true });
}

const KEYS: Readonly<Record<string, () => void>> = {
  '+': () => zoom(1.25),
  '=': () => zoom(1.25),
  '-': () => zoom(0.8),
  '0': fit,
  ArrowLeft: () => pan({ x: KEY_PAN, y: 0 }),
  ArrowRight: () => pan({ x: -KEY_PAN, y: 0 }),
  ArrowUp: () => pan({ x: 0, y: KEY_PAN }),
  ArrowDown: () => pan({ x: 0, y: -KEY_PAN }),
};

function onKeyDown(event: KeyboardEvent): void {
  const act = KEYS[event.key];
  if (act === undefined || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  act();
}
