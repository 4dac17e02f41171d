/** Tests of Heddle alone. Each trial has nodes of its own, so that trials do not influence each other. */
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { BenchError } from '../../common/errors.js';
import type { DemoNode, Role } from '../../deploy/demo/cluster/demo-node.js';
import type { BenchOptions, FanSize, HeddleTestName, TestResult } from './bench-plan.js';
import { bringUpNetwork } from './cases/heddle.js';
import type { HeddleBuild } from './cases/heddle.js';
import { waitReachable } from './cases/overlay.js';
import { fanResults } from './fan-results.js';
import type { FanTransfer } from './fan-results.js';
import { idleUse, parseResidentMiB } from './idle-use.js';
import type { ProcessLook } from './idle-use.js';
import type { Lab } from './lab.js';
import { createNodeFan, createNodePair } from './node-pair.js';
import { metered, readProcess } from './processor-meter.js';
import { bulkSeconds, tcpToEach } from './traffic-tests.js';
import type { Traffic } from './traffic-tests.js';

const MIB = 2 ** 20;
/** Supervisor, agent and router, and a pod. */
const NODE_MEMORY_MIB = 240;
/** Time to start and stop one of many nodes on few processors. */
const NODE_SECONDS = 2;
const PAIR_SECONDS = 5;
/** While compilers are still at work a node uses several times as much: 3.0 % of a core after 5 s, 0.7 % after 20 s. */
const SETTLE_SECONDS = 20;
/** Warm-up, so that the code is compiled before the measurement. */
const WARM_UP_SECONDS = 1;
const IDLE_ROLES: readonly Role[] = ['agent', 'router'];

export interface Trial {
  readonly test: HeddleTestName;
  readonly label: string;
  /** About. */
  readonly expectedSeconds: number;
  /** What it makes belongs to the lab. */
  readonly run: (lab: Lab) => Promise<TrialResult>;
}

export interface TrialResult {
  readonly podMtuBytes: number;
  readonly results: readonly TestResult[];
}

export function heddleTrials(build: HeddleBuild, options: BenchOptions): readonly Trial[] {
  const fan = options.fan.map((peers) => ({
    test: 'fan' as const,
    label: `fan of ${peers}`,
    expectedSeconds: fanSeconds(peers, options.seconds),
    run: (lab: Lab) => measureFan(build, lab, peers, options),
  }));
  const idle = {
    test: 'idle' as const,
    label: 'idle',
    expectedSeconds: PAIR_SECONDS + SETTLE_SECONDS + options.seconds,
    run: (lab: Lab) => measureIdle(build, lab, options),
  };
  return [...fan, idle].filter(({ test }) => options.tests.includes(test));
}

function fanSeconds(peers: FanSize, seconds: number): number {
  return (
    NODE_SECONDS * (1 + peers) + bulkSeconds(WARM_UP_SECONDS) + SETTLE_SECONDS + seconds + 2 * bulkSeconds(seconds)
  );
}

async function measureFan(
  build: HeddleBuild,
  lab: Lab,
  peers: FanSize,
  { seconds, ...underlay }: BenchOptions,
): Promise<TrialResult> {
  checkMemory(1 + peers);
  const sites = await createNodeFan(lab, peers, underlay);
  const { nodes, ends, podMtuBytes } = await bringUpNetwork(build, lab, sites, underlay.mtuBytes);
  for (const each of ends) await waitReachable(each);
  const benches = ends.map((each) => ({ lab, ends: each, seconds }));
  await tcpToEach(benches.map((bench) => ({ ...bench, seconds: WARM_UP_SECONDS })));
  await delay(SETTLE_SECONDS * 1000);
  const { use: idle } = await metered(() => delay(seconds * 1000));
  const one = await tcpFrom(nodes[0]!, benches.slice(0, 1));
  const all = await tcpFrom(nodes[0]!, benches);
  return { podMtuBytes, results: fanResults(peers, { idle, one, all }) };
}

async function tcpFrom(sender: DemoNode, benches: readonly Traffic[]): Promise<FanTransfer> {
  const before = lookAt(sender, 'router');
  const transfer = await tcpToEach(benches);
  return { ...transfer, senderCpuSeconds: lookAt(sender, 'router').time.seconds - before.time.seconds };
}

/** Memory that must stay free. Without it the test is left out, as the kernel might kill other processes. */
function checkMemory(nodes: number): void {
  const neededMiB = nodes * NODE_MEMORY_MIB;
  const availableMiB = Math.floor(process.availableMemory() / MIB);
  if (availableMiB >= neededMiB) return;
  throw new BenchError(`${nodes} nodes need about ${neededMiB} MiB of memory, ${availableMiB} are available`);
}

async function measureIdle(build: HeddleBuild, lab: Lab, { seconds, ...underlay }: BenchOptions): Promise<TrialResult> {
  const pair = await createNodePair(lab, { ...underlay, withHop: false });
  const { nodes, podMtuBytes } = await bringUpNetwork(build, lab, pair.nodes, underlay.mtuBytes);
  await delay(SETTLE_SECONDS * 1000);
  const { result, use } = await metered(async () => {
    const look = (): ProcessLook[] => nodes.flatMap((node) => IDLE_ROLES.map((role) => lookAt(node, role)));
    const before = look();
    await delay(seconds * 1000);
    return { before, after: look() };
  });
  const { corePercent, residentMiB } = idleUse(result.before, result.after, {
    nodes: nodes.length,
    seconds: use.seconds,
  });
  return { podMtuBytes, results: [{ figures: { idleCorePercent: corePercent, idleResidentMiB: residentMiB }, use }] };
}

/** Throws {@link BenchError} unless exactly one such process runs. */
function lookAt(node: DemoNode, role: Role): ProcessLook {
  const name = `the ${role} of ${node.name}`;
  const [pid, another] = node.processes(role);
  if (pid === undefined || another !== undefined) throw new BenchError(`${name} does not run, or more than once`);
  const time = readProcess(`${pid}`);
  const residentMiB = parseResidentMiB(readFileSync(`/proc/${pid}/status`, 'utf8'));
  if (time === null || residentMiB === null) throw new BenchError(`${name} is ending`);
  return { name, time, residentMiB };
}
