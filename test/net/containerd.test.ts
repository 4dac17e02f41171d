/** Real containerd on two nodes, which calls the executable that the agents install. Needs root, containerd, runc, busybox. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DemoError } from '../../common/errors.js';
import { waitUntil } from '../../deploy/demo/async/wait-until.js';
import { NODE_INTERFACE } from '../../deploy/demo/cluster/underlay.js';
import { kill, signal, waitUntilGone } from '../../deploy/demo/machine/processes.js';
import { BUSYBOX, writeBusyboxImage } from './busybox-image.js';
import { DIST_DIR, hostObjects, onlyProcess, restarted, useCluster } from './cluster-fixture.js';
import { ContainerdNode, LOOPBACK_PLUGIN } from './containerd-node.js';
import type { RuntimePod } from './containerd-node.js';
import { describeWith } from './installed-programs.js';

const TEST_TIMEOUT_MS = 120_000;
/** The other node reports its pods when it is asked. */
const TOPOLOGY_WITHIN_MS = 30_000;

describeWith(
  ['/usr/bin/containerd', '/usr/sbin/runc', BUSYBOX, LOOPBACK_PLUGIN],
  'pods of containerd on two nodes',
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'heddle-containerd-'));
    const runtimes: ContainerdNode[] = [];
    const pods: RuntimePod[] = [];
    // Before the cluster's own, which removes the agents that answer DEL.
    afterAll(async () => {
      for (const runtime of runtimes) await runtime.close();
      rmSync(folder, { recursive: true });
    }, TEST_TIMEOUT_MS);
    const cluster = useCluster({ nodes: 2, podsPerNode: 0, installsCni: true });

    beforeAll(async () => {
      const image = join(folder, 'busybox.tar');
      await writeBusyboxImage(image);
      for (const node of cluster.get().nodes) {
        const runtime = new ContainerdNode(node, join(folder, node.name));
        runtimes.push(runtime);
        await runtime.start();
        await runtime.importImage(image);
      }
    }, TEST_TIMEOUT_MS);

    /** Every address of the other pod answers. */
    async function expectPings(): Promise<void> {
      expect(pods).toHaveLength(2);
      for (const [i, pod] of pods.entries()) {
        const other = pods[1 - i]!;
        expect(other.ips).toHaveLength(2);
        for (const address of other.ips) await runtimes[i]!.exec(pod, 'ping', '-c', '1', '-W', '3', address);
      }
    }

    it(
      'reach each other in both families',
      async () => {
        for (const [i, runtime] of runtimes.entries()) {
          await waitUntil('a network of containerd', 10_000, async () => (await runtime.networkProblem()) === '');
          pods.push(await runtime.runPod(`pod-${i}`));
        }
        await expectPings();
      },
      TEST_TIMEOUT_MS,
    );

    it('are known to the agents by their names', async () => {
      const expected = JSON.stringify(pods.map(({ ips }, i) => [`default/pod-${i}`, ...ips]));
      await waitUntil(`the topology shows ${expected}`, TOPOLOGY_WITHIN_MS, async () => {
        const { nodes } = await cluster.get().nodes[0]!.api.topology();
        const shown = nodes.flatMap(({ pods: listed }) => listed.map(({ name, ips }) => [name, ...ips])).sort();
        return JSON.stringify(shown) === expected;
      });
    });

    it(
      'keep their network when containerd, an agent and a router are restarted',
      async () => {
        const node = cluster.get().nodes[0]!;
        await runtimes[0]!.stop();
        await runtimes[0]!.start();
        await expectPings();
        for (const role of ['agent', 'router'] as const) {
          const pid = onlyProcess(node, role);
          await kill([pid]);
          await restarted(node, role, pid);
          await cluster.get().waitLinks();
          await expectPings();
        }
      },
      TEST_TIMEOUT_MS,
    );

    it(
      'can be removed while no agent runs, and the next agent frees their addresses',
      async () => {
        const node = cluster.get().nodes[0]!;
        const supervisor = onlyProcess(node, 'supervisor');
        signal(supervisor, 'SIGTERM');
        expect(await waitUntilGone([supervisor], 10_000)).toBe(true);
        await runtimes[0]!.removePod(pods[0]!.sandboxId);
        node.start();
        await node.waitReady();
        expect(await node.api.endpoints()).toEqual([]);
        await cluster.get().waitLinks();
        pods[0] = await runtimes[0]!.runPod('pod-0');
        await expectPings();
      },
      TEST_TIMEOUT_MS,
    );

    it(
      'leave nothing behind',
      async () => {
        for (const [i, runtime] of runtimes.entries()) await runtime.removePod(pods[i]!.sandboxId);
        for (const node of cluster.get().nodes) {
          await waitUntil(`no interface of a pod on ${node.name}`, 5_000, async () => {
            const links = await node.namespace.ip('-oneline', 'link', 'show', 'type', 'veth');
            if (/^\d+: hd/m.test(links)) throw new DemoError(links);
            return true;
          });
          expect(await node.api.endpoints()).toEqual([]);
        }
        expect(existsSync(join(cluster.get().nodes[0]!.cniConfDir, '10-heddle.conflist'))).toBe(true);
      },
      TEST_TIMEOUT_MS,
    );

    it(
      'can be removed after Heddle, which is gone for good then',
      async () => {
        const [node, runtime] = [cluster.get().nodes[0]!, runtimes[0]!];
        const meshctl = [process.execPath, join(DIST_DIR, 'meshctl.js'), '--socket', node.apiSocket];
        const uninstall = (...variables: string[]) =>
          node.namespace.run('env', [...variables, ...meshctl, 'uninstall', '--purge']);
        const pod = await runtime.runPod('pod-2');
        const supervisor = onlyProcess(node, 'supervisor');
        signal(supervisor, 'SIGTERM');
        expect(await waitUntilGone([supervisor], 10_000)).toBe(true);
        const left = join(node.cniConfDir, '99-heddle-removed.conflist');
        expect(await uninstall()).toContain(`left ${join(node.cniBinDir, 'heddle-cni')} and ${left}\n`);
        expect(await hostObjects(node)).toEqual({ links: [NODE_INTERFACE, 'lo'], tables: '' });
        // Once the runtime has read the list that is left.
        await waitUntil('refused pod', 10_000, async () => {
          await expect(runtime.runPod('pod-3')).rejects.toThrow('Heddle was removed from this node');
          return true;
        });
        await runtime.removePod(pod.sandboxId);
        // The bridge that named the node's folders is gone.
        const folders = [
          ...[`HEDDLE_STATE_DIR=${node.stateDir}`, `HEDDLE_RUN_DIR=${dirname(node.apiSocket)}`],
          ...[`HEDDLE_CNI_CONF_DIR=${node.cniConfDir}`, `HEDDLE_CNI_BIN_DIR=${node.cniBinDir}`],
        ];
        expect(await uninstall(...folders)).toContain(`removed ${left}\n`);
        expect(readdirSync(node.cniConfDir)).toEqual([]);
        expect(readdirSync(node.cniBinDir)).toEqual(['loopback']);
        expect([node.stateDir, dirname(node.apiSocket)].filter(existsSync)).toEqual([]);
      },
      TEST_TIMEOUT_MS,
    );
  },
);
