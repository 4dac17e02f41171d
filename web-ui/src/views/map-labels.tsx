/** Labels of links: a lock, the round-trip time, and the throughput of each direction; fewer in a mesh with more links. */
import { computed } from '@preact/signals';
import type { ReadonlySignal } from '@preact/signals';
import type { TopologyLink } from '../../../common/api.js';
import { formatBitRate, formatMs } from '../format.js';
import { placeLabels } from '../map-layout/label-placement.js';
import type { Labelled } from '../map-layout/label-placement.js';
import type { Point, Size } from '../map-layout/point.js';
import { nodeBox } from '../map-layout/stage.js';
import { linkKey } from '../state/mesh.js';
import { isSelectedLink, touchesSelection } from '../state/selection.js';
import { mesh, selection } from '../state/store.js';
import { LOCK_PATH } from '../ui/icons.js';
import { STATE_WORDS } from '../ui/state-pill.js';
import { endsOf } from './link-geometry.js';
import { hovered, positions, stage } from './map-state.js';

/** Largest mesh with a label on every link: 21 links. */
const MAX_LABELLED_NODES = 7;
/** Largest mesh with throughput in the labels. */
const MAX_NODES_WITH_RATES = 5;
/** With more labels only the link under the pointer has one. */
const MAX_LABELS = 24;
const ONE_LINE = 22;
const TWO_LINES = 38;

const nodeCount = computed(() => mesh.value?.nodes.length ?? 0);

export function LinkLabels({ links }: { links: ReadonlySignal<readonly TopologyLink[]> }) {
  const labelled = chooseLinks(links.value).flatMap((link) => {
    const ends = endsOf(link);
    const rates = flows(link) && (nodeCount.value <= MAX_NODES_WITH_RATES || isPointedAt(link));
    return ends === null ? [] : [{ link, rates, key: linkKey(link.a, link.b), ...ends, label: labelSize(link, rates) }];
  });
  const boxes = [...positions.value.values()].map((point) => nodeBox(stage.value, point));
  const places = placeLabels(labelled, boxes);
  return (
    <g class="link-labels">
      {labelled.map((each) => {
        const at = places.get(each.key);
        return at === undefined ? null : <LinkLabel key={each.key} at={at} shown={each} />;
      })}
    </g>
  );
}

function isPointedAt(link: TopologyLink): boolean {
  return hovered.value === linkKey(link.a, link.b) || isSelectedLink(selection.value, link.a, link.b);
}

function chooseLinks(links: readonly TopologyLink[]): readonly TopologyLink[] {
  const pointed = (link: TopologyLink): boolean =>
    [linkKey(link.a, link.b), link.a, link.b].includes(hovered.value ?? '');
  const chosen = selection.value;
  const wanted =
    nodeCount.value <= MAX_LABELLED_NODES && chosen.kind === 'none'
      ? links
      : links.filter((link) => touchesSelection(chosen, link.a, link.b) || pointed(link));
  if (wanted.length <= MAX_LABELS) return wanted;
  return links.filter((link) => linkKey(link.a, link.b) === hovered.value);
}

const flows = (link: TopologyLink): boolean =>
  link.state !== 'down' && link.abBitsPerSecond + link.baBitsPerSecond >= 1_000;

function labelSize(link: TopologyLink, rates: boolean): Size {
  if (!rates) return { width: link.state === 'up' ? 78 : 104, height: ONE_LINE };
  return { width: 184, height: TWO_LINES };
}

interface ShownLink extends Labelled {
  readonly link: TopologyLink;
  /** Whether the label has the throughput. */
  readonly rates: boolean;
}

function LinkLabel({ at, shown: { link, from, to, label, rates } }: { at: Point; shown: ShownLink }) {
  const leftToRight = from.x <= to.x;
  const angle = (Math.atan2(to.y - from.y, to.x - from.x) * 180) / Math.PI;
  const left = { bitsPerSecond: link.abBitsPerSecond, angle };
  const right = { bitsPerSecond: link.baBitsPerSecond, angle: angle + 180 };
  const firstLine = rates ? -8 : 0;
  return (
    <g class={`link-label is-${link.state}`} transform={`translate(${at.x.toFixed(1)} ${at.y.toFixed(1)})`}>
      <rect
        x={-label.width / 2}
        y={-label.height / 2}
        width={label.width}
        height={label.height}
        rx={label.height === ONE_LINE ? 11 : 10}
      />
      <g transform={`translate(0 ${firstLine})`}>
        <LabelSign link={link} />
        <text class="label-rtt" x="8" y="4">
          {headline(link)}
        </text>
      </g>
      {rates ? (
        <g transform="translate(0 9)">
          <Rate x={-84} {...(leftToRight ? right : left)} />
          <Rate x={8} {...(leftToRight ? left : right)} />
        </g>
      ) : null}
    </g>
  );
}

/** A lock for an encrypted link, a cross for a broken one. */
function LabelSign({ link }: { link: TopologyLink }) {
  const x = -textWidth(link) / 2 - 11;
  if (link.state === 'down')
    return <path class="label-cross" d="m-3-3 6 6m0-6-6 6" transform={`translate(${x + 8} 0)`} />;
  return link.cipher === null ? null : (
    <path class="lock" d={LOCK_PATH} transform={`translate(${x} -7.5) scale(.88)`} />
  );
}

function headline(link: TopologyLink): string {
  return link.state === 'up' ? formatMs(link.rttMs) : STATE_WORDS[link.state];
}

/** Approximate width, to place the lock beside the text. */
function textWidth(link: TopologyLink): number {
  return headline(link).length * 6.6;
}

/** An arrow in the direction of the link on the map, and the rate in that direction. */
function Rate({ x, bitsPerSecond, angle }: { x: number; bitsPerSecond: number; angle: number }) {
  return (
    <g transform={`translate(${x} 0)`}>
      <path class="rate-arrow" d="M-4-3.2 4.2 0-4 3.2Z" transform={`translate(4 0) rotate(${angle.toFixed(0)})`} />
      <text class="label-rate" x="12" y="3.8">
        {formatBitRate(bitsPerSecond)}
      </text>
    </g>
  );
}
