/**
 * A node and its crowd: two namespaces, joined by a veth pair; `meshd` in one, the crowd's process in the other.
 *
 *   node und0 10.77.0.1/16 ------------------ und0 crowd 10.77.1.1, 10.77.1.2, ...
 */
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DemoNode } from '../../../deploy/demo/cluster/demo-node.js';
import type { NetworkNamespace } from '../../../deploy/demo/machine/network-namespace.js';
import { planNode, UNDERLAY_PORT } from '../../../deploy/demo/cluster/plan.js';
import { waitUntil } from '../../../deploy/demo/async/wait-until.js';
import { CROWD_CLUSTER_CIDR, CROWD_UNDERLAY, planCrowd } from '../../crowd/crowd-plan.js';
import type { Lab } from '../lab.js';
import type { CrowdBenchOptions } from './crowd-arguments.js';

export const UNDERLAY_INTERFACE = 'und0';
const SECRET_BYTES = 32;
/** For all links, and beyond that for each member. */
const LINKS_TIMEOUT_MS = 30_000;
const LINK_TIMEOUT_MS = 300;

export class CrowdLab {
  private constructor(
    readonly node: DemoNode,
    private readonly peers: number,
    private readonly linkAmong: boolean,
  ) {}

  /** @param distDir folder of the built programs */
  static async open(lab: Lab, distDir: string, { peers, linkAmong, settled }: CrowdBenchOptions): Promise<CrowdLab> {
    const secretFile = join(lab.folder, 'cluster-secret');
    writeFileSync(secretFile, `${randomBytes(SECRET_BYTES).toString('hex')}\n`, { mode: 0o600 });
    const namespace = await lab.createNamespace('node');
    const crowd = await lab.createNamespace('crowd');
    await joinNamespaces(namespace, crowd, peers);
    const node = new DemoNode(planNode(1, 'ipv4'), namespace, {
      distDir,
      folder: join(lab.folder, 'node'),
      clusterCidrs: [CROWD_CLUSTER_CIDR],
      listenAddress: CROWD_UNDERLAY.node,
      seeds: [],
      secretFile,
      extraArgs: [],
    });
    lab.beforeClear(() => node.stop());
    node.start();
    await node.waitReady();
    const seed = `${CROWD_UNDERLAY.node}:${UNDERLAY_PORT}`;
    lab.start(crowd, 'crowd', process.execPath, [
      join(distDir, 'crowd.js'),
      ...['--peers', `${peers}`, '--seed', seed, '--secret-file', secretFile],
      ...(linkAmong ? ['--link-among'] : []),
      ...(settled ? ['--settled', (await node.api.status()).id] : []),
    ]);
    return new CrowdLab(node, peers, linkAmong);
  }

  /** Resolves when the node knows every member, and each link that it wants works: to neighbours, or to all that dial it. */
  async waitLinks(): Promise<void> {
    const { peers, linkAmong, node } = this;
    const timeoutMs = LINKS_TIMEOUT_MS + peers * LINK_TIMEOUT_MS;
    await waitUntil(`${peers} members known to ${node.name}, and its links up`, timeoutMs, async () => {
      const known = await node.api.peers();
      const done = known.filter(({ state }) => state === 'up' || (linkAmong && state === 'idle'));
      return known.length >= peers && done.length === known.length && known.some(({ state }) => state === 'up');
    });
  }
}

async function joinNamespaces(node: NetworkNamespace, crowd: NetworkNamespace, peers: number): Promise<void> {
  const far = ['peer', 'name', UNDERLAY_INTERFACE, 'netns', crowd.name];
  await node.ip('link', 'add', UNDERLAY_INTERFACE, 'type', 'veth', ...far);
  await node.ip('address', 'add', `${CROWD_UNDERLAY.node}/${CROWD_UNDERLAY.prefix}`, 'dev', UNDERLAY_INTERFACE);
  await node.ip('link', 'set', UNDERLAY_INTERFACE, 'up');
  const lines = planCrowd(peers).map(
    ({ address }) => `address add ${address}/${CROWD_UNDERLAY.prefix} dev ${UNDERLAY_INTERFACE}`,
  );
  await crowd.run('ip', ['-batch', '-'], `${lines.join('\n')}\n`);
  await crowd.ip('link', 'set', UNDERLAY_INTERFACE, 'up');
}
