/** Cost of the policy compiler in a large cluster: times and memory, by what was done. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Cluster, parseNamespace, parseNetworkPolicy, parsePod, PolicyCompiler } from '../../../policy/index.js';
import type { LocalPod, PolicyTable } from '../../../policy/index.js';
import { percentile } from '../cni/call-times.js';
import { largeCluster, largePod } from './large-cluster.js';
import type { ClusterSize } from './large-cluster.js';

const CHANGES = 200;

export function measureCompiler(size: ClusterSize, localPods: number): Record<string, string> {
  const text = JSON.stringify(largeCluster(size));
  const compiler = new PolicyCompiler(new Cluster());
  const before = heapBytes();
  const readMs = timed(() => fill(compiler, text));
  compiler.setLocalPods(localPodsOf(compiler.cluster, localPods));
  const compileMs = timed(() => compiler.compile());
  const heapMiB = (heapBytes() - before) / 2 ** 20;
  const table = compiler.compile();
  const changes = {
    "a pod's labels": (i: number) => compiler.putPod(parsePod(largePod(i * 7, size.namespaces, i % 5))),
    "a namespace's labels": (i: number) =>
      compiler.putNamespace({ name: `namespace-${i % size.namespaces}`, labels: { team: `t${i % 7}` } }),
    'a policy': (i: number) =>
      compiler.putPolicy({
        ...{ namespace: `namespace-${i % size.namespaces}`, name: 'policy-0', pods: { requirements: [] } },
        ...{ ingress: [], egress: i % 2 === 0 ? [] : null, written: null, problems: [] },
      }),
  };
  return {
    'read all objects from JSON, ms': readMs.toFixed(0),
    'full compile, ms': compileMs.toFixed(0),
    ...Object.fromEntries(
      Object.entries(changes).map(([what, change]) => [`change of ${what}, p50 / p99 ms`, changeMs(compiler, change)]),
    ),
    'sets / elements / chains of the node': describeTable(table),
    'heap of objects and compiler, MiB': heapMiB.toFixed(0),
  };
}

/** @param text of the objects, as JSON */
export function fill(compiler: PolicyCompiler, text: string): void {
  const { namespaces, pods, policies } = JSON.parse(text) as Record<string, unknown[]>;
  for (const namespace of namespaces!) compiler.putNamespace(parseNamespace(namespace));
  for (const pod of pods!) compiler.putPod(parsePod(pod));
  for (const policy of policies!) compiler.putPolicy(parseNetworkPolicy(policy));
}

/** Some pods of the cluster, as if they were of this node. */
export function localPodsOf(cluster: Cluster, count: number): LocalPod[] {
  const pods = [...cluster.pods()];
  const step = Math.max(1, Math.floor(pods.length / count));
  return pods
    .filter((_, i) => i % step === 0)
    .slice(0, count)
    .map(({ namespace, name, ips }) => ({ pod: { namespace, name, uid: null }, ips }));
}

function changeMs(compiler: PolicyCompiler, change: (index: number) => void): string {
  const times = Array.from({ length: CHANGES }, (_, i) =>
    timed(() => {
      change(i);
      compiler.compile();
    }),
  );
  return [0.5, 0.99].map((share) => percentile(times, share)!.toFixed(1)).join(' / ');
}

function describeTable({ sets, chains }: PolicyTable): string {
  const elements = [...sets.values()].reduce((sum, set) => sum + set.elements.size, 0);
  return `${sets.size} / ${elements} / ${chains.size}`;
}

function timed(run: () => unknown): number {
  const startedMs = performance.now();
  run();
  return performance.now() - startedMs;
}

/** In use after a full collection. */
function heapBytes(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed;
}
