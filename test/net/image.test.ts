/**
 * The image on a node: containerd runs it by the pod of the manifest, with its mounts and capabilities, and calls what its agent
 * installs. Needs root, containerd, runc, busybox, and Debian's and npm's packages, of which the image is built in 20 s.
 */
import { afterAll, expect, it } from '@jest/globals';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Finding } from '../../agent/preflight/index.js';
import { engineSpeedsFile } from '../../common/host/run-files.js';
import { waitUntil } from '../../deploy/demo/async/wait-until.js';
import type { Pod } from '../../deploy/demo/cluster/cluster.js';
import type { DemoNode } from '../../deploy/demo/cluster/demo-node.js';
import { ping } from '../../deploy/demo/traffic/ping.js';
import { nodeObject } from '../../kube/testing/node-objects.js';
import { ApiServerProcess } from './api-server-process.js';
import { BUSYBOX, writeBusyboxImage } from './busybox-image.js';
import { useCluster } from './cluster-fixture.js';
import { ContainerdNode, LOOPBACK_PLUGIN } from './containerd-node.js';
import type { NodeContainer, RuntimePod } from './containerd-node.js';
import { buildImage } from './heddle-image.js';
import { describeWith } from './installed-programs.js';
import { nodeContainer, nodePodSpec } from './node-pod-container.js';
import { hostOfPod } from './node-pod-host.js';

const TEST_TIMEOUT_MS = 60_000;
const PORT = 8001;

const PROGRAMS = ['/usr/bin/containerd', '/usr/sbin/runc', '/usr/bin/objdump', BUSYBOX, LOOPBACK_PLUGIN];
const folder = mkdtempSync(join(tmpdir(), 'heddle-image-test-'));
const archive = join(folder, 'heddle.tar');
if (PROGRAMS.every(existsSync)) await buildImage(archive);
afterAll(() => rmSync(folder, { recursive: true }));

describeWith([...PROGRAMS, archive], 'the image on a node of Kubernetes', () => {
  let runtime: ContainerdNode;
  let imaged: DemoNode;
  let meshd: NodeContainer;
  let pod: RuntimePod;
  let other: Pod;
  let apiServer: ApiServerProcess;

  afterAll(async () => {
    await runtime?.close();
    apiServer?.kill();
  }, TEST_TIMEOUT_MS);
  const cluster = useCluster({ nodes: 1, podsPerNode: 0 });

  /** As a kubelet: the volumes that are not folders of the host come from the ConfigMap and the Secret. */
  function startMeshd(): Promise<NodeContainer> {
    const volumes = { settings: join(folder, 'settings'), secret: join(folder, 'secret') };
    for (const each of Object.values(volumes)) mkdirSync(each, { recursive: true });
    writeFileSync(join(volumes.settings, 'config.yaml'), JSON.stringify({ kubernetesApi: apiServer.url }));
    copyFileSync(imaged.settings.secretFile, join(volumes.secret, 'cluster-secret'));
    const spec = nodePodSpec({ cniBinDir: imaged.cniBinDir, cniConfDir: imaged.cniConfDir, trust: 'secret' });
    return runtime.runNodeContainer('heddle', nodeContainer(spec, imaged.name, volumes));
  }

  it(
    'starts with the capabilities and mounts of the manifest, and its node becomes ready',
    async () => {
      const [first] = cluster.get().nodes;
      imaged = await cluster.get().addNode();
      apiServer = new ApiServerProcess(first!.plan.underlayV4, PORT);
      apiServer.start(first!.namespace);
      for (const { plan } of [first!, imaged]) {
        apiServer.put(nodeObject(plan.name, { podCIDRs: [...plan.podCidrs] }, [plan.underlayV4]));
      }
      runtime = new ContainerdNode(imaged, join(folder, 'containerd'), hostOfPod(imaged, join(folder, 'host')));
      await runtime.start();
      const busybox = join(folder, 'busybox.tar');
      await writeBusyboxImage(busybox);
      for (const image of [busybox, archive]) await runtime.importImage(image);
      meshd = await startMeshd();
      await imaged.waitReady();
      expect(await runtime.exec(meshd, 'meshctl', 'status')).toContain(imaged.name);
      await cluster.get().waitLinks();
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'attaches pods of containerd, which reach pods of another node and are reached',
    async () => {
      await waitUntil('a network of containerd', 10_000, async () => (await runtime.networkProblem()) === '');
      apiServer.putPod('default', 'pod-of-image', { uid: 'uid-of-image' });
      pod = await runtime.runPod('pod-of-image', 'uid-of-image');
      other = await cluster.get().attach({ name: 'pod-a', nodeIndex: 1 });
      for (const address of other.ips) await runtime.exec(pod, 'ping', '-c', '1', '-W', '3', address);
      expect(pod.ips).toHaveLength(2);
      for (const address of pod.ips) expect((await ping(other.namespace, address)).ok).toBe(true);
    },
    TEST_TIMEOUT_MS,
  );

  it('has what its preflight asks for, in the image too', async () => {
    const findings = await runtime.exec(meshd, 'sh', '-c', 'meshctl preflight --json || [ $? -eq 4 ]');
    const left = (JSON.parse(findings) as Finding[]).filter(({ verdict }) => verdict !== 'ok');
    expect(left.map(({ check }) => check)).toEqual(['overlaps']);
  });

  it('has the faster of two engines on processors of x64', async () => {
    const { router } = await imaged.api.status();
    const file = engineSpeedsFile({ runDir: join(imaged.settings.folder, 'run') });
    const { speeds } = JSON.parse(readFileSync(file, 'utf8')) as { speeds: Readonly<Record<string, number>> };
    const [fastest] = Object.entries(speeds).sort(([, a], [, b]) => a - b)[0]!;
    expect(router.engine).toBe(fastest);
    expect(Object.keys(speeds)).toHaveLength(process.arch === 'x64' ? 2 : 1);
  });

  it(
    'stops in the time that the manifest gives it, and leaves running pods for the next one',
    async () => {
      const { terminationGracePeriodSeconds } = nodePodSpec({});
      const beganMs = performance.now();
      await runtime.stopContainer(meshd.containerId, terminationGracePeriodSeconds);
      expect(performance.now() - beganMs).toBeLessThan(terminationGracePeriodSeconds * 1000);
      expect(imaged.processes('router')).toEqual([]);
      expect(existsSync(join(imaged.cniConfDir, '10-heddle.conflist'))).toBe(true);
      await runtime.removePod(meshd.sandboxId);
      meshd = await startMeshd();
      await imaged.waitReady();
      await cluster.get().waitLinks();
      for (const address of other.ips) await runtime.exec(pod, 'ping', '-c', '1', '-W', '3', address);
    },
    TEST_TIMEOUT_MS,
  );
});
