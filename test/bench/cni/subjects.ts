/**
 * The subjects of `npm run bench:cni`, each a node of its own namespace that attaches pods: Heddle, and the reference plugins
 * `bridge` and `host-local`. Calls are made as a container runtime makes them.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { BenchError } from '../../../common/errors.js';
import { DemoNode } from '../../../deploy/demo/cluster/demo-node.js';
import type { NetworkNamespace } from '../../../deploy/demo/machine/network-namespace.js';
import { planCluster } from '../../../deploy/demo/cluster/plan.js';
import type { Families } from '../../../deploy/demo/cluster/plan.js';
import type { Lab } from '../lab.js';

export type Verb = 'ADD' | 'DEL';

export interface Subject {
  readonly name: string;
  call(verb: Verb, pod: NetworkNamespace): Promise<void>;
}

const REFERENCE_PLUGINS = '/usr/lib/cni';
const SECRET_BYTES = 32;

export async function bridgeSubject(lab: Lab): Promise<Subject> {
  const node = await lab.createNamespace('bridge');
  const config = {
    ...{ cniVersion: '1.0.0', name: 'bench', type: 'bridge', bridge: 'cni0', isGateway: true },
    ipam: {
      ...{ type: 'host-local', dataDir: join(lab.folder, 'host-local'), routes: [{ dst: '0.0.0.0/0' }] },
      ranges: [[{ subnet: '10.99.0.0/16' }]],
    },
  };
  const program = join(REFERENCE_PLUGINS, 'bridge');
  const call = (verb: Verb, pod: NetworkNamespace) => callPlugin(node, program, verb, pod, config, {});
  return { name: 'bridge + host-local', call };
}

export async function heddleSubject(lab: Lab, distDir: string, families: Families): Promise<Subject> {
  const name = `heddle-${families}`;
  const { nodes, clusterCidrs } = planCluster(1, 0, families);
  const namespace = await lab.createNamespace(name);
  const secretFile = join(lab.folder, `${name}-secret`);
  writeFileSync(secretFile, `${randomBytes(SECRET_BYTES).toString('hex')}\n`, { mode: 0o600 });
  await namespace.ip('link', 'add', 'und0', 'type', 'bridge');
  await namespace.ip('address', 'add', `${nodes[0]!.underlayV4}/24`, 'dev', 'und0');
  await namespace.ip('link', 'set', 'und0', 'up');
  const node = new DemoNode(nodes[0]!, namespace, {
    ...{ distDir, folder: join(lab.folder, name), clusterCidrs, listenAddress: nodes[0]!.underlayV4 },
    ...{ seeds: [], secretFile, extraArgs: [] },
  });
  lab.beforeClear(() => node.stop());
  node.start();
  await node.waitReady();
  const config = { cniVersion: '1.0.0', name: 'heddle', type: 'heddle-cni' };
  const paths = { HEDDLE_CNI_SOCKET: node.cniSocket, HEDDLE_CNI_SPOOL: node.deferredDeleteDir };
  const program = join(distDir, 'heddle-cni');
  const call = (verb: Verb, pod: NetworkNamespace) => callPlugin(namespace, program, verb, pod, config, paths);
  return { name: `heddle, ${families === 'dual' ? 'both families' : 'IPv4'}`, call };
}

async function callPlugin(
  node: NetworkNamespace,
  program: string,
  verb: Verb,
  pod: NetworkNamespace,
  config: object,
  paths: Record<string, string>,
): Promise<void> {
  const env = {
    ...{ PATH: process.env['PATH'] ?? '', CNI_COMMAND: verb, CNI_CONTAINERID: pod.name, CNI_NETNS: pod.path },
    ...{ CNI_IFNAME: 'eth0', CNI_PATH: REFERENCE_PLUGINS, CNI_ARGS: 'IgnoreUnknown=1' },
    ...paths,
  };
  const child = spawn('nsenter', [`--net=${node.path}`, program], { env, stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.end(JSON.stringify(config));
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'exit') as Promise<[number | null]>]);
  if (code !== 0) throw new BenchError(`${verb} by ${program} failed: ${output}`);
}
