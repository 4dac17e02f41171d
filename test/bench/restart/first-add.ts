/**
 * Time from the start of all programs of a node until its first ADD has succeeded. The ADD is called at once, as a kubelet does
 * that was started with them: the CNI executable waits for its socket.
 */
import { rmSync } from 'node:fs';
import { BenchError } from '../../../common/errors.js';
import type { Cluster } from '../../../deploy/demo/cluster/cluster.js';

/** Stopped: the objects of the host stayed. Rebooted: they and the sockets are gone, the state directory is there. */
export const BEFORE_FIRST_ADD = ['stopped', 'rebooted'] as const;
export type BeforeFirstAdd = (typeof BEFORE_FIRST_ADD)[number];

export interface FirstAddTime {
  readonly before: BeforeFirstAdd;
  /** Until ADD has answered, its own time included. */
  readonly addMs: number;
  /** Until the node is ready and all links of it are up. */
  readonly linkedMs: number;
}

/** On the last node, whose pods are detached. @param name of the pod, new for each call */
export async function measureFirstAdd(cluster: Cluster, before: BeforeFirstAdd, name: string): Promise<FirstAddTime> {
  const node = cluster.nodes.at(-1);
  if (node === undefined) throw new BenchError('the cluster has no node');
  for (const pod of cluster.pods.filter((each) => each.node === node)) await cluster.detach(pod);
  await node.stop();
  if (before === 'rebooted') {
    await node.namespace.ip('link', 'del', 'heddle0');
    await node.namespace.run('nft', ['flush', 'ruleset']);
    for (const socket of [node.apiSocket, node.cniSocket]) rmSync(socket, { force: true });
  }
  const startedMs = performance.now();
  node.start();
  await cluster.attach({ name, nodeIndex: node.plan.index });
  const addMs = performance.now() - startedMs;
  await node.waitReady();
  await cluster.waitLinks();
  return { before, addMs, linkedMs: performance.now() - startedMs };
}
