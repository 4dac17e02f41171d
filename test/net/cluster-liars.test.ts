/** A member that has the cluster secret and lies, on real sockets. The simulator has more lies (`test/simulator/faults`). */
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { waitUntil } from '../../deploy/demo/async/wait-until.js';
import type { Pod } from '../../deploy/demo/cluster/cluster.js';
import type { DemoNode } from '../../deploy/demo/cluster/demo-node.js';
import { UNDERLAY_PORT } from '../../deploy/demo/cluster/plan.js';
import { UNDERLAY_BRIDGE } from '../../deploy/demo/cluster/underlay.js';
import { signal } from '../../deploy/demo/machine/processes.js';
import { PodTraffic } from '../../deploy/demo/traffic/pod-traffic.js';
import { MAX_UNPROVEN_PER_SENDER } from '../../mesh/limits.js';
import { Capture } from './capture.js';
import { DIST_DIR, meshctl, onlyProcess, restarted, useCluster } from './cluster-fixture.js';
import { allowForgedSources, expectUnharmed, logged, startLiar, witness } from './liars.js';
import { PodProgram } from './pod-program.js';

const TEST_TIMEOUT_MS = 60_000;
const START_TIMEOUT_MS = 60_000;
const TOLD_WITHIN_MS = 20_000;
const DEFAULT_ROUTES = ['0.0.0.0/0', '0.0.0.0/1', '128.0.0.0/1', '::/0', '2000::/3'];
const STREAM_BYTES = 48 << 20;
const STREAM_BYTES_PER_SECOND = 8 << 20;
/** One of the sources of the initiations. */
const FORGED_ADDRESS = '192.168.99.100:';
const ECHO_PORT = 7200;
const DATAGRAM_BYTES = 600;
/** Of the datagrams of pods, several of which are in one. */
const FEW_UNITS = 20;
const ECHOES_FOR_MS = 500;
const IP_HEADER_AT = 14;
const UDP_PAYLOAD_AT = IP_HEADER_AT + 20 + 8;

describe('a member that lies', () => {
  const cluster = useCluster({ nodes: 3, podsPerNode: 1 });
  const nodes = (): [DemoNode, DemoNode, DemoNode] => cluster.get().nodes as [DemoNode, DemoNode, DemoNode];

  // A node that remembers other members does not believe a new one to be older (`mesh/cluster/witness.ts`).
  beforeAll(async () => {
    await allowForgedSources(cluster.get());
    for (const node of nodes()) {
      const agent = onlyProcess(node, 'agent');
      signal(agent, 'SIGTERM');
      await restarted(node, 'agent', agent);
    }
    await cluster.get().waitLinks();
  }, START_TIMEOUT_MS);

  let stopLiar: () => Promise<void> = () => Promise.resolve();
  afterEach(() => stopLiar());
  const start = async (lie: string, claims?: readonly string[]) => {
    const liar = await startLiar(cluster.get(), lie, claims);
    stopLiar = liar.stop;
    return liar;
  };

  /** Waits until the logs of all nodes, or of these, name the liar with these words. */
  const waitNamed = async (words: readonly string[], by: readonly DemoNode[] = nodes()): Promise<void> => {
    for (const node of by) {
      await waitUntil(`${node.name} logs ${words.join()}`, TOLD_WITHIN_MS, () =>
        Promise.resolve(logged(node, 'liar', ...words).length > 0),
      );
    }
  };

  it(
    'and claims default routes gets no traffic by them, and is named',
    async () => {
      const before = await witness(cluster.get());
      await start('claims', DEFAULT_ROUTES);
      await waitNamed(['outside the cluster CIDRs']);
      for (const node of nodes()) expect(await node.namespace.ip('route', 'show', 'default')).toContain('dev eth0');
      await expectUnharmed(cluster.get(), before);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'and claims the pod CIDRs of a node as if it was there before takes none, and is named',
    async () => {
      const before = await witness(cluster.get());
      const [, victim] = nodes();
      const liar = await start('age', victim.plan.podCidrs);
      await liar.tell();
      await waitNamed(['claim the same pod addresses', `"winnerName":"${victim.name}"`]);
      await expectUnharmed(cluster.get(), before);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'and sends old adverts again takes no pod CIDR away that a node has got since, and is named',
    async () => {
      const liar = await start('old-adverts');
      const [first, , changed] = nodes();
      const added = ['10.32.77.0/24', 'fd00:32:0:77::/64'];
      changed.configure({ podCidrs: [...changed.plan.podCidrs, ...added] });
      changed.reload();
      await waitUntil(`${first.name} has a route to ${added[0]!}`, TOLD_WITHIN_MS, async () =>
        (await meshctl(first, 'routes')).includes(added[0]!),
      );
      const before = await witness(cluster.get());
      await liar.tell();
      await waitNamed(['too many adverts', 'refused']);
      for (const cidr of added) expect(before.routes).toContain(`${first.name} ${cidr} ${changed.name}`);
      await expectUnharmed(cluster.get(), before);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'and starts 100000 handshakes from many addresses stops no stream between pods, and shows as refused',
    async () => {
      const [from, to] = cluster.get().pods as [Pod, Pod];
      const [victim] = nodes();
      const liar = await start('handshakes');
      const before = await witness(cluster.get());
      const ends = { from: from.namespace, to: to.namespace, address: to.ips[0]! };
      const stream = { ...ends, bytes: STREAM_BYTES, bytesPerSecond: STREAM_BYTES_PER_SECOND };
      const running = new PodTraffic(cluster.get().options.distDir).transfer(stream);
      await liar.tell();
      expect(await running).toMatchObject({ intact: true, bytes: STREAM_BYTES });
      await waitUntil('the address among those that are refused', TOLD_WITHIN_MS, async () => {
        const { targets } = await victim.api.status();
        return targets?.some(({ address, state }) => address.startsWith(FORGED_ADDRESS) && state === 'refused');
      });
      await expectUnharmed(cluster.get(), before);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'and sends recorded datagrams again, also with their source, has none delivered again and moves no link',
    async () => {
      const [from, to] = cluster.get().pods as [Pod, Pod];
      const { underlay } = cluster.get();
      const capture = await Capture.start(underlay.namespace, UNDERLAY_BRIDGE, `udp port ${UNDERLAY_PORT}`);
      // Its handshakes are recorded.
      const [, , returning] = nodes();
      await returning.stop();
      returning.start();
      await cluster.get().waitLinks();
      const receiver = new PodProgram(to.namespace, ['echo-datagrams', `${ECHO_PORT}`]);
      await receiver.line();
      const echoed = ['send-echoed', to.ips[0]!, `${ECHO_PORT}`, `${DATAGRAM_BYTES}`, '8', '1000'];
      const sender = new PodProgram(from.namespace, echoed);
      await delay(ECHOES_FOR_MS);
      sender.stop();
      const { sent, returned } = await sender.report();
      expect(returned).toBe(sent);
      const lines = (await capture.stop()).map(recordedLine);
      const before = await witness(cluster.get());
      const replay = [join(DIST_DIR, 'replay.js'), `${UNDERLAY_PORT}`];
      expect(Number(await underlay.outside.run(process.execPath, replay, lines.join('\n')))).toBe(lines.length);
      receiver.stop();
      expect(await receiver.report()).toEqual({ received: sent, repeated: 0, wrong: 0 });
      await waitUntil('the count of replayed units', TOLD_WITHIN_MS, async () => {
        const { drops } = await to.node.api.status();
        return (drops['replayed'] ?? 0) >= FEW_UNITS;
      });
      await expectUnharmed(cluster.get(), before);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'and sends adverts of thousands of invented members fills its own quota only, and is named',
    async () => {
      const before = await witness(cluster.get());
      const members = () => Promise.all(nodes().map(async ({ api }) => (await api.status()).peers.total));
      const known = await members();
      const liar = await start('invented-members');
      await liar.tell();
      await waitNamed(['too many adverts of members that never had a handshake']);
      const added = (await members()).map((count, i) => count - known[i]!);
      // The liar is one more.
      expect(Math.max(...added)).toBeLessThanOrEqual(MAX_UNPROVEN_PER_SENDER + 1);
      await expectUnharmed(cluster.get(), before);
    },
    TEST_TIMEOUT_MS,
  );
});

/** Line for `replay.mjs` of a captured Ethernet frame with a UDP datagram over IPv4. */
function recordedLine(frame: Buffer): string {
  const address = (at: number): string => [...frame.subarray(at, at + 4)].join('.');
  return `${address(IP_HEADER_AT + 12)} ${address(IP_HEADER_AT + 16)} ${frame.subarray(UDP_PAYLOAD_AT).toString('hex')}`;
}
