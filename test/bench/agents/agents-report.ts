/** What a cluster of whole nodes measured, and its text. Pure. */
import { alignColumns } from '../../../deploy/demo/terminal/columns.js';
import { together } from '../crowd/cost-table.js';
import type { NodeCost } from '../crowd/node-cost.js';
import { median } from '../median.js';

export interface AgentsOutcome {
  readonly startMs: number;
  /** From the last node that was ready until every node knew all, with its links up. */
  readonly knownMs: number;
  /** Of every node, at rest. */
  readonly costs: readonly NodeCost[];
  readonly pings: { readonly total: number; readonly failed: number };
  /** From the kill of a node until all others had it down; null when one had it up 60 s later. */
  readonly deathMs: number | null;
  /** From its start until it knew all and all knew it. */
  readonly returnMs: number;
  /** Links up by node after the pings: the least and the most. */
  readonly linksUp: readonly [number, number];
}

const MIB = 2 ** 20;

export function agentsTable({ costs, ...outcome }: AgentsOutcome): string {
  const { startMs, knownMs, pings, deathMs, returnMs, linksUp } = outcome;
  const row = (what: string, of: (cost: NodeCost) => number, digits: number): string[] => {
    const values = costs.map(of);
    return [
      what,
      ...[Math.min(...values), median(values) ?? 0, Math.max(...values)].map((value) => value.toFixed(digits)),
    ];
  };
  const table = alignColumns([
    ['a node at rest', 'least', 'median', 'most'],
    row('datagrams/s sent', ({ underlay }) => underlay.sent, 1),
    row('bytes/s sent', ({ underlay }) => underlay.sentBytes, 0),
    row('CPU of agent + router, %', (cost) => together(cost).cpuPercent, 2),
    row('RSS of agent + router, MiB', (cost) => together(cost).rss / MIB, 0),
    row('PSS of agent + router, MiB', (cost) => together(cost).pss / MIB, 0),
  ]);
  const seconds = (ms: number | null): string => (ms === null ? 'not by all' : `${(ms / 1000).toFixed(1)} s`);
  return [
    table,
    '',
    `all ready ${seconds(startMs)}, all known to all ${seconds(knownMs)} later`,
    `pings: ${pings.failed} of ${pings.total} without an answer; then ${linksUp[0]} to ${linksUp[1]} links up`,
    `a death known to all ${seconds(deathMs)}, the node back ${seconds(returnMs)}`,
  ].join('\n');
}
