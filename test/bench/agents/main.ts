/**
 * `npm run bench:agents`: a cluster of many whole nodes on this machine: at rest, after pings, with a node killed and started
 * again. Removes everything it made when it exits, also on errors. Exit codes: 0 measured, 1 failed, 2 usage, 130 interrupted.
 */
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { BenchError, messageOf } from '../../../common/errors.js';
import { waitUntil } from '../../../deploy/demo/async/wait-until.js';
import { pingAll, reportPings } from '../../../deploy/demo/checks/index.js';
import { Cluster } from '../../../deploy/demo/cluster/cluster.js';
import { NODE_INTERFACE } from '../../../deploy/demo/cluster/underlay.js';
import type { DemoNode } from '../../../deploy/demo/cluster/demo-node.js';
import type { Progress } from '../../../deploy/demo/terminal/progress.js';
import { measureNode } from '../crowd/node-cost.js';
import type { Lab } from '../lab.js';
import { runLabProgram } from '../lab-program.js';
import { parseAgentsArguments, USAGE } from './agents-arguments.js';
import type { AgentsBenchOptions } from './agents-arguments.js';
import { agentsTable } from './agents-report.js';
import type { AgentsOutcome } from './agents-report.js';

const DIST_DIR = dirname(fileURLToPath(import.meta.url));
const KNOWN_TIMEOUT_MS = 120_000;
const DEATH_TIMEOUT_MS = 60_000;

async function measure(lab: Lab, options: AgentsBenchOptions, progress: Progress): Promise<AgentsOutcome> {
  const { nodes, seconds, settleSeconds } = options;
  const times = new Map<string, number>();
  const step = async <T>(label: string, work: () => Promise<T>): Promise<T> => {
    const startedMs = performance.now();
    return progress.step(label, work).finally(() => times.set(label, performance.now() - startedMs));
  };
  const cluster = new Cluster({ nodes, podsPerNode: 1, distDir: DIST_DIR }, step);
  lab.beforeClear(async () => {
    const leftovers = await cluster.close();
    if (leftovers.length > 0) throw new BenchError(leftovers.join('; '));
  });
  await cluster.open();
  const [startMs = 0, knownMs = 0] = [...times.values()].slice(1);
  await step(`calm for ${settleSeconds} s`, () => delay(settleSeconds * 1000));
  const costs = await step(`measured for ${seconds} s`, () =>
    Promise.all(cluster.nodes.map((node) => measureNode(node, NODE_INTERFACE, seconds))),
  );
  const { total, failed, problems } = reportPings(await step('pings', () => pingAll(cluster)));
  for (const problem of problems) progress.line(`    ${problem}`);
  const linksUp = await countLinks(cluster.nodes);
  return { startMs, knownMs, costs, pings: { total, failed }, linksUp, ...(await killOne(cluster, step, progress)) };
}

type Step = <T>(label: string, work: () => Promise<T>) => Promise<T>;

async function killOne(cluster: Cluster, step: Step, progress: Progress) {
  const victim = cluster.nodes.at(-1)!;
  const others = cluster.nodes.slice(0, -1);
  const killedMs = performance.now();
  await victim.crash();
  const deathMs = await step(`${victim.name} down for all others`, async () => {
    await Promise.all(others.map((node) => waitDown(node, victim)));
    return performance.now() - killedMs;
  }).catch((thrown: unknown) => {
    progress.line(`    ${messageOf(thrown)}`);
    return null;
  });
  const startedMs = performance.now();
  victim.start();
  await step(`${victim.name} back`, async () => {
    await victim.waitReady();
    await cluster.waitLinks(KNOWN_TIMEOUT_MS);
  });
  return { deathMs, returnMs: performance.now() - startedMs };
}

async function waitDown(node: DemoNode, victim: DemoNode): Promise<void> {
  await waitUntil(`${node.name} has ${victim.name} down`, DEATH_TIMEOUT_MS, async () => {
    const peers = await node.api.peers();
    return peers.find(({ name }) => name === victim.name)?.state === 'down';
  });
}

async function countLinks(nodes: readonly DemoNode[]): Promise<[number, number]> {
  const counts = await Promise.all(
    nodes.map(async (node) => (await node.api.peers()).filter(({ state }) => state === 'up').length),
  );
  return [Math.min(...counts), Math.max(...counts)];
}

await runLabProgram({
  usage: USAGE,
  parse: parseAgentsArguments,
  measure,
  report: ({ json, ...options }, outcome) =>
    json ? `${JSON.stringify({ ...options, ...outcome })}\n` : `\n${agentsTable(outcome)}\n`,
  isComplete: (_options, { pings, deathMs }) => pings.failed === 0 && deathMs !== null,
});
