/**
 * Check of a node's death: the last node is killed, and all others see it down within 10 s. After its restart the nodes find
 * each other again, and its pods are attached under the same addresses and answer.
 */
import type { Cluster, Pod } from '../cluster/cluster.js';
import type { DemoNode } from '../cluster/demo-node.js';
import { ping } from '../traffic/ping.js';
import { waitUntil } from '../async/wait-until.js';
import { notApplicable, report } from './check-report.js';
import type { CheckReport } from './check-report.js';

export interface DeathReport extends CheckReport {
  readonly detectedAfterMs?: number;
  readonly returnedAfterMs?: number;
}

const DETECTED_WITHIN_MS = 10_000;
const RETURN_TIMEOUT_MS = 20_000;
const PING_TIMEOUT_MS = 10_000;

export async function checkDeath(cluster: Cluster): Promise<DeathReport> {
  const victim = cluster.nodes.at(-1)!;
  const others = cluster.nodes.slice(0, -1);
  if (others.length === 0) return notApplicable('needs two nodes');
  const detectedAfterMs = await elapsedMs(async () => {
    await victim.crash();
    await seenDown(victim, others);
  });
  const returnedAfterMs = await elapsedMs(() => returnOf(victim, cluster));
  const problems = await attachedProblems(cluster, victim);
  return report(problems, { detectedAfterMs, returnedAfterMs });
}

async function seenDown(victim: DemoNode, others: readonly DemoNode[]): Promise<void> {
  await Promise.all(
    others.map((node) =>
      waitUntil(`${node.name} sees ${victim.name} down`, DETECTED_WITHIN_MS, async () => {
        const peers = await node.api.peers();
        return peers.find((peer) => peer.name === victim.name)?.state === 'down';
      }),
    ),
  );
}

async function returnOf(victim: DemoNode, cluster: Cluster): Promise<void> {
  victim.start();
  await victim.waitReady(RETURN_TIMEOUT_MS);
  await cluster.waitLinks(RETURN_TIMEOUT_MS);
}

/** Problems of the restarted node's pods: not attached as before, or not reached from a pod of another node. */
async function attachedProblems(cluster: Cluster, victim: DemoNode): Promise<string[]> {
  const pods = cluster.pods.filter((pod) => pod.node === victim);
  const endpoints = await victim.api.endpoints();
  const lost = pods.flatMap((pod) => {
    const known = endpoints.filter((endpoint) => endpoint.podName === pod.name);
    const same = known.length === 1 && pod.ips.every((ip) => known[0]!.ips.some((text) => text.startsWith(ip)));
    return same ? [] : [`${pod.name} is not attached as before, found ${JSON.stringify(known)}`];
  });
  const elsewhere = cluster.pods.find((pod) => pod.node !== victim);
  const silent = elsewhere === undefined ? [] : await silentPods(elsewhere, pods);
  return [...lost, ...silent];
}

async function silentPods(from: Pod, pods: readonly Pod[]): Promise<string[]> {
  const trials = pods.flatMap((pod) => pod.ips.map((ip) => ({ pod, ip })));
  const answers = await Promise.all(
    trials.map(({ pod, ip }) =>
      waitUntil(`${from.name} reaches ${pod.name} at ${ip} again`, PING_TIMEOUT_MS, async () => {
        return (await ping(from.namespace, ip)).ok;
      }).then(
        () => [],
        (thrown: Error) => [thrown.message],
      ),
    ),
  );
  return answers.flat();
}

async function elapsedMs(work: () => Promise<void>): Promise<number> {
  const startedMs = performance.now();
  await work();
  return Math.round(performance.now() - startedMs);
}
