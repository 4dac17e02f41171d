import { describe, expect, it } from '@jest/globals';
import type { Role } from '../../../deploy/demo/cluster/demo-node.js';
import { costTable, together } from './cost-table.js';
import type { ProcessCost } from './node-cost.js';

const MIB = 2 ** 20;

function processOf(role: Role, rssMib: number, cpuPercent: number): ProcessCost {
  const none = { rss: 0, pss: 0 };
  const v8 = { rss: rssMib * MIB, pss: (rssMib * MIB) / 2 };
  const memory = { program: none, arena: none, malloc: none, v8, other: none };
  return { role, memory, cpuPercent, threads: cpuPercent > 0 ? [{ name: 'node', cpuPercent }] : [] };
}

const COST = {
  processes: [processOf('supervisor', 50, 0), processOf('agent', 70, 0.25), processOf('router', 60, 0.5)],
  underlay: { sent: 12.4, received: 11.6, sentBytes: 1500.2, receivedBytes: 1400 },
};

describe('what a node costs', () => {
  it('is that of agent and router together', () => {
    expect(together(COST)).toEqual({ rss: 130 * MIB, pss: 65 * MIB, cpuPercent: 0.75 });
  });

  it('is shown in a table', () => {
    const lines = costTable(COST).split('\n');
    expect(lines[1]).toMatch(/^RSS, MiB +50\.0 +70\.0 +60\.0 +130\.0$/);
    expect(lines).toContainEqual(expect.stringMatching(/^CPU, % of a core +0\.00 +0\.25 +0\.50 +0\.75$/));
    expect(lines.at(-2)).toBe('Threads, % of a core: supervisor: -; agent: node 0.25; router: node 0.50');
    expect(lines.at(-1)).toBe('underlay: 12 datagrams/s sent, 12 received; 1500 and 1400 bytes/s');
  });
});
