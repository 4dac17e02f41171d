/**
 * Network policies from a pod's first packet: pods that send, and are sent to, from before their interface exists. No packet passes
 * that the oracle denies, and each that it allows does. 24 pods; `FIRST_PACKET_PODS=1000` for more, `FIRST_PACKET_SEED` for other
 * policies. Needs root, python3 and a build.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DemoError } from '../../common/errors.js';
import { waitUntil } from '../../deploy/demo/async/wait-until.js';
import type { Pod } from '../../deploy/demo/cluster/cluster.js';
import type { DemoNode } from '../../deploy/demo/cluster/demo-node.js';
import { NetworkNamespace, removeNamespace } from '../../deploy/demo/machine/network-namespace.js';
import { signal } from '../../deploy/demo/machine/processes.js';
import { oracleAllows } from '../../policy/testing/oracle.js';
import type { ApiObjects, ApiPod, ApiPolicy } from '../../policy/testing/oracle.js';
import { Dice, randomPolicy } from '../../policy/testing/random-cluster.js';
import { ApiServerProcess } from './api-server-process.js';
import { meshctl, onlyProcess, useCluster } from './cluster-fixture.js';
import { FirstPacketWitness } from './first-packet-witness.js';
import type { SeenPacket } from './first-packet-witness.js';

const PODS = Number(process.env['FIRST_PACKET_PODS'] ?? 24);
const SEED = Number(process.env['FIRST_PACKET_SEED'] ?? 1);
/** Attached at the same time, and deleted before the next, which have their addresses again. */
const BATCH = 8;
/** During every third batch the agent is killed. */
const BATCHES_PER_KILL = 3;
const POD_CIDRS = ['10.32.1.0/28', 'fd00:32:0:1::/124'];
const POD_ADDRESSES = Array.from({ length: 15 }, (_, i) => [
  `10.32.1.${i + 1}`,
  `fd00:32:0:1::${(i + 1).toString(16)}`,
]).flat();
const PORTS = [80, 81];
const WITHIN_MS = 60_000;
const TEST_TIMEOUT_MS = 120_000 + PODS * 1000;
/** ADD waits so long for the API server to tell of the pod. */
const TOLD_WITHIN_MS = 2_000;

const JUST_MADE = { matchLabels: { kind: 'just-made' } };
const POLICY_DELAY_MS = 5_000;

const SERVER = '127.0.0.1';
const PORT = 8001;
const PODS_PATH = '/api/v1/pods';
const POLICIES_PATH = '/apis/networking.k8s.io/v1/networkpolicies';
const NAMESPACE = { metadata: { name: 'demo', labels: { app: 'a' } } };

const KINDS = ['open', 'closed', 'no-ingress', 'no-egress', 'partly', 'random'];
const FRIEND = { podSelector: { matchLabels: { app: 'a' } } };
const SPECS: Readonly<Record<string, Omit<ApiPolicy['spec'], 'podSelector'>>> = {
  closed: { policyTypes: ['Ingress', 'Egress'] },
  'no-ingress': { policyTypes: ['Ingress'] },
  'no-egress': { policyTypes: ['Egress'] },
  partly: {
    policyTypes: ['Ingress', 'Egress'],
    ingress: [{ from: [FRIEND], ports: [{ protocol: 'UDP', port: 80 }] }],
    egress: [{ to: [FRIEND], ports: [{ protocol: 'UDP', port: 81 }] }],
  },
};

function policiesOf(dice: Dice): ApiPolicy[] {
  const named = Object.entries(SPECS);
  const random = Array.from({ length: 3 }, (_, i) => [`random-${i}`, randomPolicy(dice, i).spec] as const);
  return [...named, ...random].map(([name, spec]) => ({
    metadata: { namespace: 'demo', name },
    spec: { ...spec, podSelector: { matchLabels: { kind: name.startsWith('random') ? 'random' : name } } },
  }));
}

function podObject(name: string, labels: Record<string, string>, ips: readonly string[] = []): ApiPod {
  return {
    metadata: { namespace: 'demo', name, uid: `uid-${name}`, labels },
    spec: { containers: [] },
    status: { phase: 'Pending', podIPs: ips.map((ip) => ({ ip })) },
  };
}

describe(`the first packets of ${PODS} pods`, () => {
  const cluster = useCluster({
    nodes: 1,
    podsPerNode: 0,
    extraArgs: ['--kubernetes', '--kubernetes-api', `http://${SERVER}:${PORT}`],
  });
  const server = new ApiServerProcess(SERVER, PORT);
  const witness = new FirstPacketWitness();
  const dice = new Dice(SEED);
  const policies = policiesOf(dice);
  let node: DemoNode;
  let peers: readonly Pod[];
  const labelsOf = new Map<string, Record<string, string>>();
  const happened = { added: 0, addedAgain: 0, packets: 0, leaked: 0, deniedAddMs: 0, openedMs: 0 };

  const tellOf = (name: string): void => server.putObject(PODS_PATH, podObject(name, labelsOf.get(name)!));
  const withPorts = (ips: readonly string[]) => ips.flatMap((ip) => PORTS.map((port) => [ip, port] as const));

  beforeAll(async () => {
    [node] = cluster.get().nodes as [DemoNode];
    node.configure({ podCidrs: POD_CIDRS });
    await node.stop();
    server.start(node.namespace);
    server.putObject('/api/v1/namespaces', NAMESPACE);
    for (const policy of policies) server.putObject(POLICIES_PATH, policy);
    for (const [name, app] of Object.entries({ friend: 'a', stranger: 'b' })) {
      labelsOf.set(name, { app });
      tellOf(name);
    }
    await server.shown();
    node.start();
    await node.waitReady();
    await policiesAreKept();
    peers = [
      await cluster.get().attach({ name: 'friend', nodeIndex: 1 }),
      await cluster.get().attach({ name: 'stranger', nodeIndex: 1 }),
    ];
    const targets = withPorts(POD_ADDRESSES.filter((ip) => !peers.some(({ ips }) => ips.includes(ip))));
    for (const { name, namespace } of peers) await witness.open(name, namespace, targets);
  }, TEST_TIMEOUT_MS);
  afterAll(() => {
    witness.end();
    server.kill();
    process.stderr.write(`first packets, seed ${SEED}: ${JSON.stringify(happened)}\n`);
  });

  const policiesAreKept = () =>
    waitUntil('network policies', WITHIN_MS, async () => (await node.api.status()).networkPolicies === 'kept');

  /** A pod whose programs send before it is attached. */
  async function prepare(name: string, kind: string): Promise<NetworkNamespace> {
    labelsOf.set(name, { kind });
    const namespace = await NetworkNamespace.create(`${node.namespace.name}${name}`);
    await witness.open(name, namespace, withPorts(peers.flatMap(({ ips }) => ips)));
    return namespace;
  }

  /** As a runtime: an ADD that fails is undone, and done again. */
  async function attach(name: string, namespace: NetworkNamespace): Promise<Pod> {
    const pod = { name, node, namespace };
    return waitUntil(`ADD of ${name}`, WITHIN_MS, async () => {
      try {
        const result = (await cluster.get().cni('ADD', pod))!;
        happened.added++;
        return { ...pod, ips: (result.ips ?? []).map(({ address }) => address.replace(/\/\d+$/, '')), result };
      } catch (thrown) {
        happened.addedAgain++;
        await cluster.get().cni('DEL', pod);
        throw thrown;
      }
    });
  }

  async function remove(pods: readonly Pod[]): Promise<void> {
    await witness.close(pods.map(({ name }) => name));
    for (const pod of pods) {
      await cluster.get().cni('DEL', pod);
      await removeNamespace(pod.namespace.name);
    }
  }

  /** A pod whose first ADD failed had other addresses for a while, which are those of the packet. */
  const objectsWith = (pods: readonly Pod[], { sender, source, place, destination }: SeenPacket): ApiObjects => ({
    namespaces: [NAMESPACE],
    policies,
    pods: [...peers, ...pods].map(({ name, ips }) => {
      const ofPacket = [...(name === sender ? [source] : []), ...(name === place ? [destination] : [])];
      return podObject(name, labelsOf.get(name)!, [...new Set([...ips, ...ofPacket])]);
    }),
  });

  async function packetsOf(pods: readonly Pod[]): Promise<readonly SeenPacket[]> {
    const names = new Set(pods.map(({ name }) => name));
    return (await witness.seen()).filter(({ place, sender }) => names.has(place) || names.has(sender));
  }

  /** Waits until all that is allowed has passed. Returns what passed and is denied. */
  async function leaks(pods: readonly Pod[]): Promise<readonly SeenPacket[]> {
    const isAllowed = (packet: SeenPacket) => oracleAllows(objectsWith(pods, packet), { ...packet, protocol: 'UDP' });
    const allowed = pods
      .flatMap((pod) => flowsOf(pod, peers))
      .filter(isAllowed)
      .map(keyOf);
    const seen = await waitUntil('all that is allowed', WITHIN_MS, async () => {
      const now = await packetsOf(pods);
      const keys = new Set(now.map(keyOf));
      const missing = allowed.filter((key) => !keys.has(key));
      if (missing.length > 0) throw new DemoError(missing.join('\n'));
      return now;
    });
    happened.packets += seen.length;
    const denied = seen.filter((packet) => !isAllowed(packet));
    happened.leaked += denied.length;
    return denied;
  }

  it(
    'pass only as the policies of the pod allow it, also when the agent is killed meanwhile',
    async () => {
      for (let first = 0; first < PODS; first += BATCH) {
        const names = Array.from({ length: Math.min(BATCH, PODS - first) }, (_, i) => `pod-${first + i}`);
        const namespaces = await Promise.all(names.map((name) => prepare(name, dice.pick(KINDS))));
        names.forEach(tellOf);
        const attaching = Promise.all(names.map((name, i) => attach(name, namespaces[i]!)));
        if ((first / BATCH) % BATCHES_PER_KILL === 1) signal(onlyProcess(node, 'agent'), 'SIGKILL');
        const pods = await attaching;
        expect(await leaks(pods)).toEqual([]);
        await remove(pods);
        for (const name of names) server.deleteObject(PODS_PATH, `demo/${name}`);
      }
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'are denied for a pod that the API server has not told of within 2 s, and pass when it has',
    async () => {
      const namespace = await prepare('late', 'open');
      const startedMs = performance.now();
      const pod = await attach('late', namespace);
      happened.deniedAddMs = Math.round(performance.now() - startedMs);
      expect(happened.deniedAddMs).toBeGreaterThanOrEqual(TOLD_WITHIN_MS);
      expect(await packetsOf([pod])).toEqual([]);
      const toldMs = performance.now();
      tellOf('late');
      expect(await leaks([pod])).toEqual([]);
      happened.openedMs = Math.round(performance.now() - toldMs);
      await remove([pod]);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'are denied by a policy that was made before the pod, also where the watch of policies is later than that of pods',
    async () => {
      const deny = { metadata: { namespace: 'demo', name: 'just-made' }, spec: { podSelector: JUST_MADE } };
      const namespace = await prepare('behind', 'just-made');
      server.slowWatch(POLICIES_PATH, POLICY_DELAY_MS);
      server.putObject(POLICIES_PATH, deny);
      policies.push({ ...deny, spec: { ...deny.spec, policyTypes: ['Ingress'] } });
      tellOf('behind');
      const pod = await attach('behind', namespace);
      expect(await leaks([pod])).toEqual([]);
      server.slowWatch(POLICIES_PATH, 0);
      await remove([pod]);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'pass as the policies on disk allow it, after a start of the node without its table and without the API server',
    async () => {
      const names = KINDS.map((kind) => `after-${kind}`);
      const namespaces = await Promise.all(names.map((name, i) => prepare(name, KINDS[i]!)));
      names.forEach(tellOf);
      await waitUntil('the agent to know the pods', WITHIN_MS, async () => {
        for (const name of names) await meshctl(node, 'policy', name);
        return true;
      });
      await node.stop();
      server.kill();
      await node.namespace.run('nft', ['-f', '-'], 'add table inet heddle-policy\ndelete table inet heddle-policy\n');
      expect(await node.namespace.run('nft', ['list', 'tables'])).not.toContain('heddle-policy');
      node.start();
      const pods = await Promise.all(names.map((name, i) => attach(name, namespaces[i]!)));
      expect(await leaks(pods)).toEqual([]);
      await remove(pods);
    },
    TEST_TIMEOUT_MS,
  );
});

/** Between a pod and its peers, in both directions. */
function flowsOf(pod: Pod, peers: readonly Pod[]): SeenPacket[] {
  const pairs = peers.flatMap((peer): [Pod, Pod][] => [
    [pod, peer],
    [peer, pod],
  ]);
  return pairs.flatMap(([from, to]) =>
    from.ips.flatMap((source, family) =>
      PORTS.map((port) => ({ place: to.name, sender: from.name, source, destination: to.ips[family]!, port })),
    ),
  );
}

function keyOf({ place, sender, source, destination, port }: SeenPacket): string {
  return `${sender} ${source} to ${place} ${destination} ${port}`;
}
