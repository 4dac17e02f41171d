/** Nodes that take their settings from Kubernetes, with the stand-in for an API server on the underlay. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DemoError } from '../../common/errors.js';
import { policyRecordFile } from '../../common/host/run-files.js';
import { waitUntil } from '../../deploy/demo/async/wait-until.js';
import type { Pod } from '../../deploy/demo/cluster/cluster.js';
import type { DemoNode } from '../../deploy/demo/cluster/demo-node.js';
import { signal } from '../../deploy/demo/machine/processes.js';
import { ping } from '../../deploy/demo/traffic/ping.js';
import { nodeObject } from '../../kube/testing/node-objects.js';
import { ApiServerProcess } from './api-server-process.js';
import { DIST_DIR, onlyProcess, restarted, useCluster } from './cluster-fixture.js';

const TEST_TIMEOUT_MS = 180_000;
const FOLLOWS_WITHIN_MS = 30_000;
const SERVER = '192.168.99.1';
const PORT = 8001;
const POLICIES_PATH = '/apis/networking.k8s.io/v1/networkpolicies';
const CLUSTER_POLICIES_PATH = '/apis/policy.networking.k8s.io/v1beta1/clusternetworkpolicies';
const STARTUP_TAINT = 'heddle.io/not-ready';

async function waitCondition(node: DemoNode, name: string, text: string): Promise<void> {
  await waitUntil(`condition ${name} of ${node.name} says "${text}"`, FOLLOWS_WITHIN_MS, async () => {
    const { conditions } = await node.api.status();
    return conditions.find((found) => found.name === name)?.message.includes(text) === true;
  });
}

async function waitCidrs(node: DemoNode, cidrs: readonly string[]): Promise<void> {
  await waitUntil(`${node.name} serves ${cidrs.join()}`, FOLLOWS_WITHIN_MS, async () => {
    const { ready, conditions, addresses } = await node.api.status();
    const unmet = conditions.filter(({ ok }) => !ok).map(({ name, message }) => `${name}: ${message}`);
    const served = addresses.map(({ cidr }) => cidr);
    if (!ready) throw new DemoError(unmet.join('; '));
    if (!cidrs.every((cidr) => served.includes(cidr))) throw new DemoError(`it serves ${served.join()}`);
    return true;
  });
}

async function expectReachable(from: Pod, to: Pod): Promise<void> {
  for (const ip of to.ips) {
    await waitUntil(
      `${from.name} reaches ${to.name}`,
      FOLLOWS_WITHIN_MS,
      async () => (await ping(from.namespace, ip)).ok,
    );
  }
}

function meshctlPolicy(node: DemoNode, ...args: string[]): [exitCode: number | null, printed: string] {
  const meshctl = [join(DIST_DIR, 'meshctl.js'), '--socket', node.apiSocket];
  const { status, stdout } = spawnSync(process.execPath, [...meshctl, 'policy', ...args]);
  return [status, stdout.toString()];
}

describe('nodes that follow their Node object', () => {
  const cluster = useCluster({
    nodes: 2,
    podsPerNode: 0,
    families: 'ipv4',
    extraArgs: [
      ...['--kubernetes', '--kubernetes-api', `http://${SERVER}:${PORT}`],
      ...['--kubernetes-startup-taint', STARTUP_TAINT],
    ],
  });
  const first = () => cluster.get().nodes[0]!;
  const second = () => cluster.get().nodes[1]!;
  const server = new ApiServerProcess(SERVER, PORT);
  const put = (node: DemoNode, podCidrs: string[], uid = `uid-${node.name}`): void =>
    server.put(
      nodeObject(
        node.name,
        { podCIDRs: podCidrs, taints: [{ key: STARTUP_TAINT, effect: 'NoSchedule' }] },
        [node.plan.underlayV4],
        { uid },
      ),
    );
  const knowPod = (name: string, status: object = {}): void => server.putPod('demo', name, {}, status);
  const knowPods = (...names: string[]): void => names.forEach((name) => knowPod(name));
  /** Leaves pod CIDRs, cluster CIDRs and seeds open. */
  const leaveOpen = (node: DemoNode, more = ''): void => {
    const { secretFile } = node.settings;
    const text = `nodeName: ${node.name}\nclusterSecretFile: ${secretFile}\n${more}`;
    writeFileSync(node.configFile, text, { mode: 0o600 });
    node.reload();
  };

  beforeAll(() => server.start(first().namespace));
  afterAll(() => server.kill());

  it(
    'wait for the API server, for the object and for its pod CIDRs, and say so',
    async () => {
      leaveOpen(second());
      await waitCondition(second(), 'pod-cidr', 'Node n2');
      put(second(), []);
      await waitCondition(second(), 'pod-cidr', 'Node n2 to get podCIDRs');
      put(second(), ['10.33.2.0/24']);
      await waitCidrs(second(), ['10.33.2.0/24']);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'find each other and the ranges of the cluster, and their pods reach each other',
    async () => {
      put(first(), ['10.33.1.0/24']);
      leaveOpen(first());
      for (const node of [first(), second()]) {
        const agent = onlyProcess(node, 'agent');
        signal(agent, 'SIGUSR2');
        await restarted(node, 'agent', agent);
      }
      await waitCidrs(first(), ['10.33.1.0/24']);
      knowPods('pod-a', 'pod-b');
      const [a, b] = [
        await cluster.get().attach({ name: 'pod-a', nodeIndex: 1 }),
        await cluster.get().attach({ name: 'pod-b', nodeIndex: 2 }),
      ];
      expect([a.ips[0], b.ips[0]]).toEqual([
        expect.stringMatching(/^10\.33\.1\./),
        expect.stringMatching(/^10\.33\.2\./),
      ]);
      await expectReachable(a, b);
      await expectReachable(b, a);
    },
    TEST_TIMEOUT_MS,
  );

  it('tell their Node once that pods can come', async () => {
    const shown = await waitUntil('the condition of the Node', FOLLOWS_WITHIN_MS, async () => {
      const now = await server.shown();
      return now.nodes.every(({ status }) => status.conditions !== undefined) && now;
    });
    const down = expect.objectContaining({ type: 'NetworkUnavailable', status: 'False', reason: 'HeddleIsUp' });
    for (const { spec, status } of shown.nodes) {
      expect(status.conditions).toEqual([down]);
      expect(spec['taints']).toEqual([]);
    }
  });

  it(
    'isolate pods by network policies, also without an agent, and a pod that the API server has not told of',
    async () => {
      knowPods('pod-d');
      await cluster.get().attach({ name: 'pod-d', nodeIndex: 1 });
      const { pods } = cluster.get();
      const [a, b, d] = ['pod-a', 'pod-b', 'pod-d'].map((name) => pods.find((pod) => pod.name === name)!) as [
        Pod,
        Pod,
        Pod,
      ];
      const reaches = async (from: Pod, to: Pod): Promise<boolean> => (await ping(from.namespace, to.ips[0]!)).ok;
      const becomes = (isOpen: boolean, from: Pod, to: Pod) =>
        waitUntil(
          `${from.name} to ${to.name}: ${isOpen}`,
          FOLLOWS_WITHIN_MS,
          async () => (await reaches(from, to)) === isOpen,
        );
      const allowOnly = (app: string): void =>
        server.putObject(POLICIES_PATH, {
          metadata: { namespace: 'demo', name: 'only' },
          spec: {
            podSelector: { matchLabels: { app: 'pod-a' } },
            ingress: [{ from: [{ podSelector: { matchLabels: { app } } }] }],
          },
        });
      knowPod('pod-b', { podIP: b.ips[0] });
      allowOnly('pod-b');
      await becomes(false, d, a);
      await becomes(true, b, a);
      const agent = onlyProcess(first(), 'agent');
      signal(agent, 'SIGKILL');
      expect([await reaches(d, a), await reaches(b, a)]).toEqual([false, true]);
      await restarted(first(), 'agent', agent);
      await waitCidrs(first(), ['10.33.1.0/24']);
      expect([await reaches(d, a), await reaches(b, a)]).toEqual([false, true]);
      allowOnly('pod-d');
      await becomes(false, b, a);
      await becomes(true, d, a);
      expect(meshctlPolicy(first(), 'test', 'pod-b', 'demo/pod-a')).toEqual([
        1,
        expect.stringContaining('isolated by demo/only'),
      ]);
      expect(meshctlPolicy(first(), 'test', d.ips[0]!, 'pod-a')).toEqual([
        0,
        expect.stringContaining('by demo/only, spec.ingress[0]'),
      ]);
      await waitUntil('meshctl policy names what was denied', FOLLOWS_WITHIN_MS, async () => {
        await reaches(b, a);
        const line = /demo\/pod-b \(\S+\) +demo\/pod-a \(\S+\) +ICMP +ingress: default deny: isolated by demo\/only/;
        return line.test(meshctlPolicy(first(), 'pod-a')[1]);
      });
      const unknown = await cluster.get().attach({ name: 'pod-e', nodeIndex: 1 });
      expect(await reaches(unknown, d)).toBe(false);
      knowPods('pod-e');
      await becomes(true, unknown, d);
      server.deleteObject(POLICIES_PATH, 'demo/only');
      await becomes(true, b, a);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'keep NetworkPolicies where they may not read cluster-wide ones, deny what none of these decides, and say what to do',
    async () => {
      const [a, b] = ['pod-a', 'pod-b'].map((name) => cluster.get().pods.find((pod) => pod.name === name)!) as [
        Pod,
        Pod,
      ];
      const reaches = async () => (await ping(a.namespace, b.ips[0]!)).ok;
      const becomes = (isOpen: boolean) =>
        waitUntil(`pod-a to pod-b: ${isOpen}`, FOLLOWS_WITHIN_MS, async () => (await reaches()) === isOpen);
      const right = 'list clusternetworkpolicies';
      expect(await reaches()).toBe(true);
      server.setRight(right, false);
      server.install(CLUSTER_POLICIES_PATH);
      rmSync(policyRecordFile(second()), { force: true });
      const agent = onlyProcess(second(), 'agent');
      signal(agent, 'SIGKILL');
      await restarted(second(), 'agent', agent);
      await waitCondition(second(), 'network-policies', 'kubectl patch clusterrole heddle');
      await becomes(false);
      server.putObject(POLICIES_PATH, {
        metadata: { namespace: 'demo', name: 'open' },
        spec: { podSelector: {}, policyTypes: ['Ingress', 'Egress'], ingress: [{}], egress: [{}] },
      });
      await becomes(true);
      server.deleteObject(POLICIES_PATH, 'demo/open');
      await becomes(false);
      server.setRight(right, true);
      await waitCondition(second(), 'network-policies', '');
      await becomes(true);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'follow the setting networkPolicies while they run',
    async () => {
      const [a, b] = ['pod-a', 'pod-b'].map((name) => cluster.get().pods.find((pod) => pod.name === name)!) as [
        Pod,
        Pod,
      ];
      const becomes = (isOpen: boolean) =>
        waitUntil(
          `pod-b to pod-a: ${isOpen}`,
          FOLLOWS_WITHIN_MS,
          async () => (await ping(b.namespace, a.ips[0]!)).ok === isOpen,
        );
      server.putObject(POLICIES_PATH, { metadata: { namespace: 'demo', name: 'none' }, spec: { podSelector: {} } });
      await becomes(false);
      leaveOpen(first(), 'networkPolicies: false\n');
      await waitCondition(first(), 'network-policies', 'off by the setting networkPolicies');
      expect((await first().api.status()).networkPolicies).toBe('off');
      await becomes(true);
      expect(await first().namespace.run('nft', ['list', 'tables'])).not.toContain('heddle-policy');
      leaveOpen(first());
      await becomes(false);
      server.deleteObject(POLICIES_PATH, 'demo/none');
      await becomes(true);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'keep running pods when the Node is deleted and comes back with other pod CIDRs, which new pods use',
    async () => {
      server.delete('n2');
      put(second(), ['10.33.9.0/24'], 'another');
      await waitCidrs(second(), ['10.33.9.0/24']);
      knowPods('pod-c');
      const fresh = await cluster.get().attach({ name: 'pod-c', nodeIndex: 2 });
      expect(fresh.ips[0]).toMatch(/^10\.33\.9\./);
      const { pods } = cluster.get();
      const named = (name: string) => pods.find((pod) => pod.name === name)!;
      await expectReachable(named('pod-a'), named('pod-b'));
    },
    TEST_TIMEOUT_MS,
  );

  it('need no right beyond those of the manifest', async () => {
    const { used } = await server.shown();
    const watched = ['nodes', 'pods', 'namespaces', 'networkpolicies', 'clusternetworkpolicies'].flatMap((what) => [
      `list ${what}`,
      `watch ${what}`,
    ]);
    // One Node is asked for, since its new CIDR lies outside the ranges known so far.
    const read = ['get configmaps kubeadm-config', 'get nodes', ...watched];
    expect([...used].sort()).toEqual([...read, 'patch nodes', 'patch nodes/status'].sort());
  });

  it(
    'start with what they were told last while the API server is away',
    async () => {
      server.kill();
      const agent = onlyProcess(second(), 'agent');
      signal(agent, 'SIGKILL');
      await restarted(second(), 'agent', agent);
      await waitCidrs(second(), ['10.33.9.0/24']);
    },
    TEST_TIMEOUT_MS,
  );
});
