/**
 * Check of a killed agent: the agent of the first node is killed (-9) during a TCP transfer between nodes. The router
 * continues to forward, so the transfer completes, and a new agent connects to the same router.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Cluster } from '../cluster/cluster.js';
import type { DemoNode } from '../cluster/demo-node.js';
import { kill } from '../machine/processes.js';
import type { PodTraffic } from '../traffic/pod-traffic.js';
import { waitUntil } from '../async/wait-until.js';
import { notApplicable, report } from './check-report.js';
import type { CheckReport } from './check-report.js';
import { podPairs } from './transfers.js';

export interface AgentRestartReport extends CheckReport {
  /** From the kill until a new agent is ready and connected to the router. */
  readonly backAfterMs?: number;
  readonly transferSeconds?: number;
}

const BYTES = 32 << 20;
/** A transfer of four seconds, so that the agent is killed within it. */
const BYTES_PER_SECOND = 8 << 20;
const KILL_AFTER_MS = 1200;
const BACK_TIMEOUT_MS = 15_000;

export async function checkAgentRestart(cluster: Cluster, traffic: PodTraffic): Promise<AgentRestartReport> {
  const pair = podPairs(cluster)[0];
  if (pair === undefined) return notApplicable('needs pods on two nodes');
  const [from, to] = pair;
  const before = await identity(from.node);
  const route = { from: from.namespace, to: to.namespace, address: to.ips[0]! };
  const [outcome, backAfterMs] = await Promise.all([
    traffic.transfer({ ...route, bytes: BYTES, bytesPerSecond: BYTES_PER_SECOND }),
    delay(KILL_AFTER_MS).then(() => killAgent(from.node, before)),
  ]);
  const after = await identity(from.node);
  const problems = [
    ...(outcome.intact ? [] : ['the bytes that arrived differ from those that were sent']),
    ...(after.router === before.router
      ? []
      : [`the router was restarted: process ${before.router} before, ${after.router} after`]),
    ...(after.instance === before.instance ? [] : ['the new agent is connected to another router instance']),
  ];
  return report(problems, { backAfterMs, transferSeconds: outcome.seconds });
}

interface Identity {
  /** Process ids, as text. */
  readonly agent: string;
  readonly router: string;
  readonly instance: string | null;
}

async function identity(node: DemoNode): Promise<Identity> {
  const status = await node.api.status();
  const pids = (role: 'agent' | 'router'): string => node.processes(role).join(' ');
  return { agent: pids('agent'), router: pids('router'), instance: status.router.instance };
}

/** @returns milliseconds until a new agent was connected to the router */
async function killAgent(node: DemoNode, before: Identity): Promise<number> {
  const startedMs = performance.now();
  await kill(node.processes('agent'));
  await waitUntil(`a new agent on ${node.name}`, BACK_TIMEOUT_MS, async () => {
    const { ready, router } = await node.api.status();
    return ready && router.connected && (await identity(node)).agent !== before.agent;
  });
  return Math.round(performance.now() - startedMs);
}
