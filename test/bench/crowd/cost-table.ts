/** Table of the CPU and memory of a node. Pure. */
import { alignColumns } from '../../../deploy/demo/terminal/columns.js';
import { MEMORY_KINDS, totalOf } from './memory-kinds.js';
import type { Resident } from './memory-kinds.js';
import type { NodeCost, ProcessCost } from './node-cost.js';

const MIB = 2 ** 20;
/** Targets for agent and router together. */
export const TOGETHER = ['agent', 'router'] as const;

/** Of agent and router together. */
export interface Together extends Resident {
  readonly cpuPercent: number;
}

export function together({ processes }: NodeCost): Together {
  const parts = processes.filter(({ role }) => (TOGETHER as readonly string[]).includes(role));
  const sum = (of: (part: ProcessCost) => number): number => parts.reduce((total, part) => total + of(part), 0);
  return {
    rss: sum(({ memory }) => totalOf(memory).rss),
    pss: sum(({ memory }) => totalOf(memory).pss),
    cpuPercent: sum(({ cpuPercent }) => cpuPercent),
  };
}

export function costTable(cost: NodeCost): string {
  const { processes, underlay } = cost;
  const { rss, pss, cpuPercent } = together(cost);
  const ofEach = (value: (process: ProcessCost) => string): string[] => processes.map(value);
  const rows = [
    ['', ...ofEach(({ role }) => role), TOGETHER.join(' + ')],
    ['RSS, MiB', ...ofEach(({ memory }) => mib(totalOf(memory).rss)), mib(rss)],
    ...MEMORY_KINDS.map((kind) => [`  ${kind}`, ...ofEach(({ memory }) => mib(memory[kind].rss)), '']),
    ['PSS, MiB', ...ofEach(({ memory }) => mib(totalOf(memory).pss)), mib(pss)],
    ['CPU, % of a core', ...ofEach((process) => percent(process.cpuPercent)), percent(cpuPercent)],
  ];
  const threads = processes.map(
    ({ role, threads: busy }) => `${role}: ${busy.map((t) => `${t.name} ${percent(t.cpuPercent)}`).join(', ') || '-'}`,
  );
  const { sent, received, sentBytes, receivedBytes } = underlay;
  const rate = `underlay: ${sent.toFixed(0)} datagrams/s sent, ${received.toFixed(0)} received; ${sentBytes.toFixed(0)} and ${receivedBytes.toFixed(0)} bytes/s`;
  return [alignColumns(rows), '', `Threads, % of a core: ${threads.join('; ')}`, rate].join('\n');
}

function mib(bytes: number): string {
  return (bytes / MIB).toFixed(1);
}

function percent(value: number): string {
  return value.toFixed(2);
}
