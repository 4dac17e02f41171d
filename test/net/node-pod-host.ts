/**
 * Host of a node pod as the pod sees it by its host paths: `/run` and `/var/lib` of one node of a test cluster instead of those of
 * the machine, in a mount namespace. Its mounts are shared, as kubelets and runtimes need them.
 */
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { DemoNode } from '../../deploy/demo/cluster/demo-node.js';

/** The last words are the program. The node's own folder, which is below /run, keeps its path. */
const SCRIPT = `set -eu
node=$1 run=$2 lib=$3; shift 3
mount -t tmpfs tmpfs "$run"; mount -t tmpfs tmpfs "$lib"
mkdir -p "$run/heddle" "$run/netns" "$run$(dirname "\${node#/run}")" "$lib/heddle"
mkdir -p "$run\${node#/run}"; : > "$run/xtables.lock"
mount --bind "$node" "$run\${node#/run}"
mount --bind "$node/run" "$run/heddle"; mount --bind "$node/state" "$lib/heddle"
mount --rbind "$lib" /var/lib; mount --rbind "$run" /run
mount --make-rshared /
exec "$@"`;

/** Words before a program that is to run there. @param folder for mounts, made here */
export function hostOfPod(node: DemoNode, folder: string): string[] {
  const [run, lib] = [join(folder, 'run'), join(folder, 'lib')];
  for (const each of [run, lib]) mkdirSync(each, { recursive: true });
  return ['unshare', '--mount', '--propagation=private', 'sh', '-c', SCRIPT, 'sh', dirname(node.stateDir), run, lib];
}
