/** Real podman on a node, a CNI caller that is no CRI runtime. Needs root, podman with its CNI backend, runc, busybox. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pod } from '../../deploy/demo/cluster/cluster.js';
import { BUSYBOX, writeBusyboxImage } from './busybox-image.js';
import { REFERENCE_PLUGIN_FOLDER } from './chain-runtime.js';
import { useCluster } from './cluster-fixture.js';
import { describeWith } from './installed-programs.js';
import { PodmanNode } from './podman-node.js';

const TEST_TIMEOUT_MS = 60_000;
const PROGRAMS = ['/usr/bin/podman', '/usr/sbin/runc', BUSYBOX, join(REFERENCE_PLUGIN_FOLDER, 'portmap')];
const SECOND_NETWORK = {
  ...{ cniVersion: '1.0.0', name: 'second' },
  plugins: [{ type: 'heddle-cni', capabilities: { ips: true, mac: true } }],
};

describeWith(PROGRAMS, 'containers of podman', () => {
  const folder = mkdtempSync(join(tmpdir(), 'heddle-podman-'));
  let podman: PodmanNode;
  let other: Pod;
  // Before the cluster's own, which removes the agent that answers DEL.
  afterAll(async () => {
    await podman?.close();
    rmSync(folder, { recursive: true });
  }, TEST_TIMEOUT_MS);
  const cluster = useCluster({ nodes: 2, podsPerNode: 0, installsCni: true });

  beforeAll(async () => {
    const image = join(folder, 'busybox.tar');
    await writeBusyboxImage(image);
    const [node] = cluster.get().nodes;
    writeFileSync(join(node!.cniConfDir, '20-second.conflist'), JSON.stringify(SECOND_NETWORK));
    podman = new PodmanNode(node!, join(folder, 'podman'));
    await podman.importImage(image);
    other = await cluster.get().attach({ name: 'pod-a', nodeIndex: 2 });
  }, TEST_TIMEOUT_MS);

  it(
    'have both families and reach a pod of another node',
    async () => {
      expect(await podman.networks()).toEqual(['heddle', 'podman', 'second']);
      const { heddle } = await podman.run('one', ['heddle']);
      const listed = (await cluster.get().nodes[0]!.api.endpoints()).flatMap(({ ips }) => ips);
      expect([heddle!.IPAddress, heddle!.GlobalIPv6Address].sort()).toEqual(listed.sort());
      for (const address of other.ips) await podman.exec('one', 'ping', '-c', '1', '-W', '3', address);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'on two networks have an interface on each, and reach the pod from either address',
    async () => {
      const { heddle, second } = await podman.run('two', ['heddle', 'second']);
      const addresses = [heddle!.IPAddress, second!.IPAddress];
      expect(new Set(addresses).size).toBe(2);
      for (const source of addresses) {
        await podman.exec('two', 'ping', '-c', '1', '-W', '3', '-I', source, other.ips[0]!);
      }
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'leave nothing behind',
    async () => {
      for (const name of ['one', 'two']) await podman.remove(name);
      expect(await cluster.get().nodes[0]!.api.endpoints()).toEqual([]);
      expect(await cluster.get().nodes[0]!.namespace.ip('-oneline', 'link', 'show', 'type', 'veth')).not.toMatch(
        /: hd/,
      );
    },
    TEST_TIMEOUT_MS,
  );
});
