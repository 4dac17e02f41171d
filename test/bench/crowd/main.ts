/**
 * `npm run bench:crowd`: CPU and memory of one node with many peers. Removes everything it made when it exits, also on errors.
 * Exit codes: 0 measured, 1 failed, 2 usage, 130 interrupted.
 */
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as delay } from 'node:timers/promises';
import type { Progress } from '../../../deploy/demo/terminal/progress.js';
import type { Lab } from '../lab.js';
import { runLabProgram } from '../lab-program.js';
import { costTable, together } from './cost-table.js';
import { parseCrowdArguments, USAGE } from './crowd-arguments.js';
import type { CrowdBenchOptions } from './crowd-arguments.js';
import { CrowdLab, UNDERLAY_INTERFACE } from './crowd-lab.js';
import { measureNode } from './node-cost.js';
import type { NodeCost } from './node-cost.js';

const DIST_DIR = dirname(fileURLToPath(import.meta.url));

async function measure(lab: Lab, options: CrowdBenchOptions, progress: Progress): Promise<NodeCost> {
  const { peers, seconds, settleSeconds } = options;
  const crowd = await progress.step(`a node, and ${peers} that play nodes`, () =>
    CrowdLab.open(lab, DIST_DIR, options),
  );
  await progress.step('all links up', () => crowd.waitLinks());
  await progress.step(`calm for ${settleSeconds} s`, () => delay(settleSeconds * 1000));
  return progress.step(`measured for ${seconds} s`, () => measureNode(crowd.node, UNDERLAY_INTERFACE, seconds));
}

function reportJson({ peers, seconds, linkAmong, settled }: CrowdBenchOptions, cost: NodeCost): string {
  return `${JSON.stringify({ peers, seconds, linkAmong, settled, agentAndRouter: together(cost), ...cost })}\n`;
}

await runLabProgram({
  usage: USAGE,
  parse: parseCrowdArguments,
  measure,
  report: (options, cost) => (options.json ? reportJson(options, cost) : `\n${costTable(cost)}\n`),
  isComplete: () => true,
});
