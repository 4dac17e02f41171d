/**
 * Demo (`npm run demo`): starts a cluster, then checks it (`--check`), opens a shell in a pod (`--shell`), or shows it until
 * Ctrl-C. Everything that it made is removed before it exits.
 * Exit codes: 0 success, 1 a check or the demo failed, 2 usage, 130 interrupted.
 */
import { cpSync, existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hostCommands } from '../../common/host/command.js';
import { DemoError, HeddleError, messageOf } from '../../common/errors.js';
import { pingAll, reportPings, runChecks } from './checks/index.js';
import { breakDemo } from './cluster/breaks.js';
import { Cluster } from './cluster/cluster.js';
import { findRunningDemo } from './cluster/running-demo.js';
import type { RunningDemo } from './cluster/running-demo.js';
import type { Pod } from './cluster/cluster.js';
import { USAGE, parseDemoArguments } from './terminal/demo-arguments.js';
import type { DemoArguments } from './terminal/demo-arguments.js';
import { DEFAULT_PORT, PageForwarder } from './terminal/page-forwarder.js';
import { joinDemo, openShell, placeIn } from './terminal/join-demo.js';
import { PodTraffic } from './traffic/pod-traffic.js';
import { Progress } from './terminal/progress.js';
import { removeStale } from './machine/run-directory.js';
import { StopSignal } from './terminal/stop-signal.js';
import { pingMatrix } from './terminal/ping-matrix.js';
import { runTraffic } from './traffic/programs.js';

const EXIT = { ok: 0, failed: 1, usage: 2, interrupted: 130 } as const;
const DIST_DIR = dirname(fileURLToPath(import.meta.url));

/** One run of the demo. */
interface Demo {
  readonly options: DemoArguments;
  readonly cluster: Cluster;
  readonly progress: Progress;
  readonly stop: StopSignal;
  readonly startedMs: number;
}

async function main(args: readonly string[]): Promise<number> {
  if (args[0] === 'traffic') {
    await runTraffic(args.slice(1));
    return EXIT.ok;
  }
  const parsed = parseDemoArguments(args, process.env);
  switch (parsed.kind) {
    case 'run':
      return (await joinedShell(parsed.options.shell)) ? EXIT.ok : runDemo(parsed.options);
    case 'join':
      if (await joinedShell(parsed.node, await runningDemo())) return EXIT.ok;
      throw new DemoError(`the running demo has no node ${parsed.node}`);
    case 'break':
      process.stdout.write(`${await breakDemo(await runningDemo(), parsed.words)}\n`);
      return EXIT.ok;
    case 'clean':
      await removeStale();
      return EXIT.ok;
    case 'help':
      process.stdout.write(USAGE);
      return EXIT.ok;
    case 'mistake':
      process.stderr.write(`${parsed.message}\n\n${USAGE}`);
      return EXIT.usage;
  }
}

async function runningDemo(): Promise<RunningDemo> {
  const demo = await findRunningDemo();
  if (demo !== null) return demo;
  throw new DemoError('no demo of root runs on this machine: start npm run demo in another terminal');
}

/** A shell in the running demo; false when there is no such demo or place. */
async function joinedShell(name: string | null, demo: RunningDemo | null = null): Promise<boolean> {
  const running = name === null ? null : (demo ?? (await findRunningDemo()));
  const place = running === null || name === null ? null : placeIn(running, name);
  if (running === null || place === null) return false;
  process.on('SIGINT', () => undefined);
  await joinDemo(running, place);
  return true;
}

async function runDemo(options: DemoArguments): Promise<number> {
  const progress = new Progress(options.json ? process.stderr : process.stdout);
  const { nodes, podsPerNode } = options;
  const cluster = new Cluster({ nodes, podsPerNode, distDir: DIST_DIR }, progress.step);
  const demo = { options, cluster, progress, stop: new StopSignal(), startedMs: performance.now() };
  let outcome: Outcome;
  try {
    outcome = await useCluster(demo);
  } catch (thrown) {
    outcome = demo.stop.isRaised ? { exit: EXIT.interrupted } : failedOutcome(demo, thrown);
  }
  return finish(demo, outcome);
}

/** Outcome before the cluster is removed. `report`: the JSON object without leftovers. */
interface Outcome {
  readonly exit: number;
  readonly report?: Record<string, unknown>;
}

/** Ctrl-C is the regular end of `show`, and interrupts everything else. */
async function useCluster(demo: Demo): Promise<Outcome> {
  const { cluster, stop, options } = demo;
  await stop.race(cluster.open());
  if (options.check) return stop.race(check(demo));
  if (options.shell !== null) return stop.race(shell(demo, options.shell));
  return show(demo);
}

async function check({ cluster, progress, options }: Demo): Promise<Outcome> {
  const checks = await runChecks(cluster, new PodTraffic(DIST_DIR), progress.step);
  const ok = Object.values(checks).every((report) => report.ok);
  for (const [name, report] of Object.entries(checks)) {
    for (const problem of report.problems) progress.line(`    ${name}: ${problem}`);
  }
  if (!ok) printLogs(cluster, progress);
  const { nodes, podsPerNode } = options;
  return { exit: ok ? EXIT.ok : EXIT.failed, report: { ok, nodes, pods: podsPerNode, checks } };
}

async function shell({ cluster, progress, stop }: Demo, podName: string): Promise<Outcome> {
  const pod = cluster.pod(podName);
  progress.line(`\n  A shell in ${describePod(pod)}. Ping another pod, then leave with exit or Ctrl-D:`);
  for (const other of cluster.pods.filter((p) => p !== pod).slice(0, 6)) {
    progress.line(`    ping ${other.ips[0] ?? ''}   # ${describePod(other)}`);
  }
  await stop.ignoreInterruptsDuring(openShell({ name: pod.name, namespace: pod.namespace.name }));
  return { exit: EXIT.ok };
}

async function show(demo: Demo): Promise<Outcome> {
  const { cluster, progress, stop } = demo;
  const results = await progress.step(
    'pod to pod',
    () => pingAll(cluster),
    (all) => reportPings(all).ok,
  );
  const pings = reportPings(results);
  const page = await PageForwarder.start(cluster.nodes[0]!.apiSocket);
  cluster.publish();
  startPings(cluster);
  try {
    const podNames = cluster.pods.map((pod) => pod.name);
    progress.line(`\n${pingMatrix(results, podNames)}\n\n${await peersTable(cluster)}`);
    for (const pod of cluster.pods) progress.line(`  ${describePod(pod)}: ${pod.ips.join(', ')}`);
    progress.line(`\n  Live page:       ${progress.paint('bold', page.url)}`);
    if (!page.url.endsWith(`:${DEFAULT_PORT}`)) progress.line(`                   (port ${DEFAULT_PORT} is in use)`);
    progress.line(`  meshctl:         npx meshctl --socket ${cluster.nodes[0]!.apiSocket} status`);
    progress.line('  In another terminal, as root:');
    progress.line('    npm run demo -- --shell pod-a       a shell in a pod');
    progress.line('    npm run demo -- --node n1           a shell beside a node, with meshctl');
    progress.line('    npm run demo -- --break node n2     a dead node (--help lists other faults)');
    progress.line(`  Packet capture:  ${tcpdumpHint(cluster)}`);
    progress.line('  Ctrl-C ends the demo and removes everything.');
    if (demo.options.json) printJson({ ok: pings.ok, ...describeCluster(cluster), page: page.url });
    await stop.raised;
    return { exit: pings.ok ? EXIT.ok : EXIT.failed };
  } finally {
    page.stop();
  }
}

async function finish({ cluster, progress, options, startedMs }: Demo, outcome: Outcome): Promise<number> {
  if (options.keepLogs) progress.line(`  logs: ${keepLogs(cluster)}`);
  const leftovers = await progress.step(
    'everything removed',
    () => cluster.close(),
    (left) => left.length === 0,
  );
  for (const leftover of leftovers) progress.line(`    not removed: ${leftover}`);
  const exit = leftovers.length > 0 && outcome.exit === EXIT.ok ? EXIT.failed : outcome.exit;
  if (options.check && options.json) {
    const seconds = Math.round((performance.now() - startedMs) / 100) / 10;
    const report = outcome.report ?? { ok: false, error: 'the checks were not completed' };
    printJson({ ...report, ok: exit === EXIT.ok, leftovers, seconds });
  }
  return exit;
}

function failedOutcome({ cluster, progress }: Demo, thrown: unknown): Outcome {
  progress.line(`\n  ${messageOf(thrown)}`);
  printLogs(cluster, progress);
  return { exit: EXIT.failed, report: { ok: false, error: messageOf(thrown) } };
}

function printLogs(cluster: Cluster, progress: Progress): void {
  for (const node of cluster.nodes) progress.line(`\n  end of the log of ${node.name}:\n${node.logTail()}`);
}

function printJson(value: object): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** Some traffic for the map: every pod pings the next. Ends with the namespaces. */
function startPings({ pods }: Cluster): void {
  pods.forEach((pod, i) => {
    const target = pods[(i + 1) % pods.length]?.ips[0] ?? '';
    pod.namespace.spawn('ping', ['-q', '-i', '0.2', '-s', '1000', target], 'ignore').on('error', () => {
      /* The demo works without. */
    });
  });
}

function describePod(pod: Pod): string {
  return `${pod.name} on ${pod.node.name}`;
}

function describeCluster(cluster: Cluster): object {
  const nodes = cluster.nodes.map(({ name, namespace, apiSocket }) => ({ name, namespace: namespace.name, apiSocket }));
  const pods = cluster.pods.map(({ name, node, namespace, ips }) => ({
    name,
    node: node.name,
    namespace: namespace.name,
    ips,
  }));
  return { nodes, pods };
}

function tcpdumpHint(cluster: Cluster): string {
  return `ip netns exec ${cluster.underlay.namespace.name} tcpdump -n -i any`;
}

/** Output of `meshctl peers` on the first node. */
async function peersTable(cluster: Cluster): Promise<string> {
  const args = [join(DIST_DIR, 'meshctl.js'), '--socket', cluster.nodes[0]!.apiSocket, 'peers'];
  return hostCommands.run(process.execPath, args);
}

function keepLogs(cluster: Cluster): string {
  const folder = mkdtempSync(join(tmpdir(), 'heddle-demo-logs-'));
  for (const node of cluster.nodes.filter(({ logFile }) => existsSync(logFile))) {
    cpSync(node.logFile, join(folder, `${node.name}.log`));
  }
  return folder;
}

/** HeddleErrors and errors of traffic programs are printed without stack trace; any other is a bug. */
function printAndFail(thrown: unknown): number {
  const isExpected = thrown instanceof HeddleError || process.argv[2] === 'traffic';
  const text = !isExpected && thrown instanceof Error ? (thrown.stack ?? thrown.message) : messageOf(thrown);
  process.stderr.write(`${text}\n`);
  return EXIT.failed;
}

process.exit(await main(process.argv.slice(2)).catch(printAndFail));
