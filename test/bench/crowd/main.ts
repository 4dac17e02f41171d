/**
 * `npm run bench:crowd`: what one node costs with many peers. Whatever happens, everything it made is gone when it exits.
 * Exit codes: 0 measured, 1 failed, 2 usage, 130 interrupted.
 */
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as delay } from 'node:timers/promises';
import { HeddleError, messageOf } from '../../../common/errors.js';
import { Progress } from '../../../deploy/demo/progress.js';
import { StopSignal } from '../../../deploy/demo/stop-signal.js';
import { Lab } from '../lab.js';
import { costTable, together } from './cost-table.js';
import { parseCrowdArguments, USAGE } from './crowd-arguments.js';
import type { CrowdBenchOptions } from './crowd-arguments.js';
import { CrowdLab, UNDERLAY_INTERFACE } from './crowd-lab.js';
import { measureNode } from './node-cost.js';
import type { NodeCost } from './node-cost.js';

const EXIT = { ok: 0, failed: 1, usage: 2, interrupted: 130 } as const;
const DIST_DIR = dirname(fileURLToPath(import.meta.url));

async function main(args: readonly string[]): Promise<number> {
  const parsed = parseCrowdArguments(args);
  switch (parsed.kind) {
    case 'run':
      return run(parsed.options);
    case 'help':
      process.stdout.write(USAGE);
      return EXIT.ok;
    case 'mistake':
      process.stderr.write(`${parsed.message}\n\n${USAGE}`);
      return EXIT.usage;
  }
}

async function run(options: CrowdBenchOptions): Promise<number> {
  const progress = new Progress(process.stderr);
  const stop = new StopSignal();
  const lab = await Lab.open();
  let cost: NodeCost | null = null;
  try {
    cost = await stop.race(measure(lab, options, progress));
  } catch (thrown) {
    if (!stop.isRaised) progress.line(`\n  ${messageOf(thrown)}`);
  }
  const leftovers = await lab.close();
  for (const leftover of leftovers) progress.line(`  still there: ${leftover}`);
  if (cost === null) return stop.isRaised ? EXIT.interrupted : EXIT.failed;
  process.stdout.write(options.json ? reportJson(options, cost) : `\n${costTable(cost)}\n`);
  return leftovers.length === 0 ? EXIT.ok : EXIT.failed;
}

async function measure(lab: Lab, options: CrowdBenchOptions, progress: Progress): Promise<NodeCost> {
  const { peers, seconds, settleSeconds } = options;
  const crowd = await progress.step(`a node, and ${peers} that play nodes`, () =>
    CrowdLab.open(lab, DIST_DIR, options),
  );
  await progress.step('all links up', () => crowd.waitLinks());
  await progress.step(`calm for ${settleSeconds} s`, () => delay(settleSeconds * 1000));
  return progress.step(`measured for ${seconds} s`, () => measureNode(crowd.node, UNDERLAY_INTERFACE, seconds));
}

function reportJson({ peers, seconds, linkAmong }: CrowdBenchOptions, cost: NodeCost): string {
  return `${JSON.stringify({ peers, seconds, linkAmong, agentAndRouter: together(cost), ...cost })}\n`;
}

/** Our own errors need no stack trace; any other is a bug. */
function complainAndFail(thrown: unknown): number {
  const text = thrown instanceof HeddleError || !(thrown instanceof Error) ? messageOf(thrown) : thrown.stack;
  process.stderr.write(`${text ?? messageOf(thrown)}\n`);
  return EXIT.failed;
}

process.exit(await main(process.argv.slice(2)).catch(complainAndFail));
