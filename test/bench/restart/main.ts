/**
 * `npm run bench:restart`: traffic that the restart of a router and of a supervisor costs, and a handover; or the time of a start
 * until the first ADD. Removes everything it made when it exits, also on errors. Exit codes: 0 measured, 1 failed, 2 usage, 130 interrupted.
 */
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { BenchError } from '../../../common/errors.js';
import { waitUntil } from '../../../deploy/demo/async/wait-until.js';
import { Cluster } from '../../../deploy/demo/cluster/cluster.js';
import type { DemoNode } from '../../../deploy/demo/cluster/demo-node.js';
import { signal } from '../../../deploy/demo/machine/processes.js';
import { alignColumns } from '../../../deploy/demo/terminal/columns.js';
import type { Progress } from '../../../deploy/demo/terminal/progress.js';
import { restartWithDeadMembers } from '../../net/dead-members.js';
import { gapAround } from '../../net/traffic-gap.js';
import type { Lab } from '../lab.js';
import { runLabProgram } from '../lab-program.js';
import { BEFORE_FIRST_ADD, measureFirstAdd } from './first-add.js';
import type { FirstAddTime } from './first-add.js';
import { parseRestartArguments, USAGE } from './restart-arguments.js';
import type { RestartBenchOptions } from './restart-arguments.js';
import { parseLog, STAGE_NAMES, stagesAfter } from './restart-stages.js';
import type { RestartTimes } from './restart-stages.js';

const DIST_DIR = dirname(fileURLToPath(import.meta.url));
const READY_WITHIN_MS = 20_000;
/** Longer than a process needs to notice that its supervisor is gone. */
const WITHOUT_SUPERVISOR_MS = 5_000;
/** A run that lasted this long counts as healthy: its child is restarted without a delay. */
const HEALTHY_RUN_MS = 31_000;

interface Measured {
  readonly restarts: readonly RestartTimes[];
  readonly firstAdds: readonly FirstAddTime[];
}

async function measure(lab: Lab, options: RestartBenchOptions, progress: Progress): Promise<Measured> {
  const cluster = new Cluster({ nodes: 2, podsPerNode: 1, distDir: DIST_DIR });
  lab.beforeClear(async () => {
    const leftovers = await cluster.close();
    if (leftovers.length > 0) throw new BenchError(leftovers.join('; '));
  });
  await progress.step('two nodes', () => cluster.open());
  const node = cluster.nodes[0]!;
  await progress.step(`${options.dead} dead members`, async () => {
    await restartWithDeadMembers(node, options.dead);
    await cluster.waitLinks();
  });
  return options.firstAdd
    ? { restarts: [], firstAdds: await measureFirstAdds(cluster, options, progress) }
    : { restarts: await measureRestarts(cluster, options, progress), firstAdds: [] };
}

async function measureFirstAdds(cluster: Cluster, { rounds }: RestartBenchOptions, progress: Progress) {
  const times: FirstAddTime[] = [];
  for (let round = 1; round <= rounds; round++) {
    for (const before of BEFORE_FIRST_ADD) {
      await progress.step(`round ${round} of ${rounds}: ${before}`, async () => {
        times.push(await measureFirstAdd(cluster, before, `pod-${before}-${round}`));
      });
    }
  }
  return times;
}

async function measureRestarts(cluster: Cluster, options: RestartBenchOptions, progress: Progress) {
  const times: RestartTimes[] = [];
  for (let round = 1; round <= options.rounds; round++) {
    for (const killed of ['router', 'supervisor', 'nothing'] as const) {
      await progress.step(`round ${round} of ${options.rounds}: ${killed}`, async () => {
        await delay(HEALTHY_RUN_MS);
        times.push(await measureKill(cluster, killed));
      });
    }
  }
  return times;
}

async function measureKill(cluster: Cluster, killed: RestartTimes['killed']): Promise<RestartTimes> {
  const [from, to] = cluster.pods;
  const { node } = from!;
  const [router] = node.processes('router');
  const [supervisor] = node.processes('supervisor');
  const gap = await gapAround(from!, to!, async () => {
    if (killed === 'nothing') node.start(['--take-over']);
    else signal(node.processes(killed)[0]!, 'SIGKILL');
    if (killed === 'supervisor') {
      await delay(WITHOUT_SUPERVISOR_MS);
      node.start();
    }
    await otherRouter(node, router!);
  });
  if (killed === 'nothing') signal(supervisor!, 'SIGTERM');
  const stages = stagesAfter(parseLog(readFileSync(node.logFile, 'utf8')), gap.fromMs);
  return { killed, lostMs: gap.lengthMs, stages };
}

async function otherRouter(node: DemoNode, before: number): Promise<void> {
  await waitUntil('another router', READY_WITHIN_MS, async () => {
    const [pid] = node.processes('router');
    return pid !== undefined && pid !== before && (await node.api.status()).router.connected;
  });
}

function report({ json, firstAdd }: RestartBenchOptions, { restarts: times, firstAdds }: Measured): string {
  if (json) return `${JSON.stringify(firstAdd ? { firstAdds } : { restarts: times })}\n`;
  if (firstAdd) {
    const rows = firstAdds.map(({ before, addMs, linkedMs }) => [before, addMs.toFixed(0), linkedMs.toFixed(0)]);
    return `\n${alignColumns([['before', 'first ADD ms', 'linked ms'], ...rows])}`;
  }
  const rows = times.map(({ killed, lostMs, stages }) => [
    killed,
    lostMs.toFixed(0),
    ...STAGE_NAMES.map((name) => stages[name]?.toFixed(0) ?? '-'),
  ]);
  return `\n${alignColumns([['killed', 'lost ms', ...STAGE_NAMES.map((name) => `${name} at`)], ...rows])}`;
}

await runLabProgram({
  usage: USAGE,
  parse: parseRestartArguments,
  measure,
  report,
  isComplete: () => true,
});
