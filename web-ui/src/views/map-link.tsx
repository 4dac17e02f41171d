/** Link on the map: a line for its state, moving dashes for the traffic of each direction, and a cross when it is broken. */
import type { TopologyLink } from '../../../common/api.js';
import { flowPeriodMs, linkWidth } from '../map-layout/link-style.js';
import { between } from '../map-layout/point.js';
import type { Point } from '../map-layout/point.js';
import { formatMs } from '../format.js';
import { linkKey } from '../state/mesh.js';
import { isSelectedLink, touchesSelection } from '../state/selection.js';
import { foundIds, mesh, select, selection } from '../state/store.js';
import { STATE_WORDS } from '../ui/state-pill.js';
import { endsOf } from './link-geometry.js';
import type { Ends } from './link-geometry.js';
import { hovered } from './map-state.js';

/** With more links no dashes move, to save processor time. */
const MAX_FLOWING = 90;
/** With more links the Tab key skips links; the table of nodes has the same information. */
const MAX_FOCUSABLE = 70;
const MAX_CROSSES = 250;
/** With more links they are drawn thin; a full mesh of six has 15. */
const MAX_WIDE = 15;
const THIN = 0.5;
/** Distance between the two directions. */
const LANE_GAP = 1.6;

export function MapLink({ link, crowd }: { link: TopologyLink; crowd: number }) {
  const ends = endsOf(link);
  if (ends === null) return null;
  const key = linkKey(link.a, link.b);
  const choose = (): void => select({ kind: 'link', a: link.a, b: link.b });
  const thin = crowd > MAX_WIDE && link.state === 'up' ? THIN : 1;
  const line = { x1: ends.from.x, y1: ends.from.y, x2: ends.to.x, y2: ends.to.y };
  const onKey = (event: KeyboardEvent): void => {
    if (event.key !== 'Enter' && event.key !== ' ') return;
    event.preventDefault();
    choose();
  };
  return (
    <g
      class={classesOf(link, key, crowd)}
      data-link={key}
      role="button"
      tabindex={crowd > MAX_FOCUSABLE ? -1 : 0}
      aria-label={describe(link)}
      onPointerDown={(event) => event.stopPropagation()}
      onPointerEnter={() => (hovered.value = key)}
      onPointerLeave={() => (hovered.value = null)}
      onClick={choose}
      onKeyDown={onKey}
    >
      {crowd > MAX_CROSSES ? null : <line class="link-hit" {...line} />}
      <line class="link-line" {...line} stroke-width={roadWidth(link) * thin} />
      {crowd > MAX_FLOWING || !flowing(link) ? null : <Flows link={link} ends={ends} thin={thin} />}
      {link.state === 'down' && crowd <= MAX_CROSSES ? (
        <Cross at={between(ends.from, ends.to, 0.5)} small={crowd > MAX_WIDE} />
      ) : null}
    </g>
  );
}

/** Wide enough for the dashes of both directions; thin when idle. */
function roadWidth(link: TopologyLink): number {
  const { abBitsPerSecond: ab, baBitsPerSecond: ba } = link;
  if (!flowing(link)) return 2;
  return 2 * Math.max(linkWidth(ab), linkWidth(ba)) + LANE_GAP;
}

function flowing(link: TopologyLink): boolean {
  const busy = flowPeriodMs(link.abBitsPerSecond) !== null || flowPeriodMs(link.baBitsPerSecond) !== null;
  return busy && link.state !== 'down';
}

function classesOf(link: TopologyLink, key: string, crowd: number): string {
  const found = foundIds.value;
  const chosen = selection.value;
  const missed = found !== null && !found.has(link.a) && !found.has(link.b);
  const aside = chosen.kind !== 'none' && !touchesSelection(chosen, link.a, link.b);
  const lit = [key, link.a, link.b].includes(hovered.value ?? '') || isSelectedLink(chosen, link.a, link.b);
  const density = crowd > MAX_CROSSES ? 'is-crowded' : crowd > MAX_WIDE ? 'is-many' : '';
  const classes = ['link', `is-${link.state}`, missed || aside ? 'is-aside' : '', lit ? 'is-lit' : '', density];
  return [...classes, flowing(link) ? 'is-flowing' : ''].filter(Boolean).join(' ');
}

function describe(link: TopologyLink): string {
  const name = (id: string): string => mesh.value?.nodeById.get(id)?.name ?? id;
  return `Link ${name(link.a)} to ${name(link.b)}: ${STATE_WORDS[link.state]}, ${formatMs(link.rttMs)}`;
}

function Flows({ link, ends, thin }: { link: TopologyLink; ends: Ends; thin: number }) {
  return (
    <>
      <Flow from={ends.from} to={ends.to} bitsPerSecond={link.abBitsPerSecond} thin={thin} />
      <Flow from={ends.to} to={ends.from} bitsPerSecond={link.baBitsPerSecond} thin={thin} />
    </>
  );
}

interface FlowProps {
  readonly from: Point;
  readonly to: Point;
  readonly bitsPerSecond: number;
  /** Factor of all widths. */
  readonly thin: number;
}

/** Dashes on the right-hand side of their direction; faster with more throughput. */
function Flow({ from, to, bitsPerSecond, thin }: FlowProps) {
  const periodMs = flowPeriodMs(bitsPerSecond);
  if (periodMs === null) return null;
  const width = linkWidth(bitsPerSecond) * thin;
  const length = Math.hypot(to.x - from.x, to.y - from.y) || 1;
  const aside = width / 2 + (LANE_GAP / 2) * thin;
  const [dx, dy] = [(-(to.y - from.y) / length) * aside, ((to.x - from.x) / length) * aside];
  return (
    <line
      class="link-flow"
      x1={from.x + dx}
      y1={from.y + dy}
      x2={to.x + dx}
      y2={to.y + dy}
      stroke-width={Math.max(1.1, width * 0.6)}
      style={{ animationDuration: `${periodMs}ms` }}
    />
  );
}

function Cross({ at, small }: { at: Point; small: boolean }) {
  return (
    <g class="link-cross" transform={`translate(${at.x} ${at.y}) scale(${small ? 0.75 : 1})`}>
      <circle r="8" />
      <path d="m-3-3 6 6m0-6-6 6" />
    </g>
  );
}
