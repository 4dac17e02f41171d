/** Descriptors of a node's processes, and what a node does when others hold or replace them. Needs root and a build. */
import { describe, expect, it } from '@jest/globals';
import { availableParallelism } from 'node:os';
import { waitUntil } from '../../deploy/demo/async/wait-until.js';
import type { DemoNode, Role } from '../../deploy/demo/cluster/demo-node.js';
import { isAlive, kill, signal } from '../../deploy/demo/machine/processes.js';
import { expectAllReachable, onlyProcess, useCluster } from './cluster-fixture.js';
import { openDescriptors } from './open-descriptors.js';

const TEST_TIMEOUT_MS = 60_000;
/**
 * As by default. Every lane has 8 queues of the TAP and a socket. Its thread has descriptors of all queues and of its socket, and
 * the main thread keeps those that were passed.
 */
const LANES = Math.min(2, availableParallelism());
const TAP_QUEUES = 8 * LANES;
const ROLES: readonly Role[] = ['supervisor', 'router', 'stand-by', 'agent'];
/** Of Node's own event loops and threads, in numbers that differ between its versions. */
const OF_NODE = ['eventpoll', 'eventfd', 'pipe', '/dev/null', 'io_uring'];

/** What a process holds besides {@link OF_NODE}. Sockets without a name are pairs: to the other process. */
const HELD: Readonly<Record<Role, readonly string[]>> = {
  supervisor: [
    ...times(TAP_QUEUES, '/dev/net/tun'),
    'log',
    'log',
    ...times(LANES, 'udp 6785'),
    ...times(3, 'unix'),
    'unix meshd.sock',
  ],
  router: [
    ...times((LANES + 1) * TAP_QUEUES, '/dev/net/tun'),
    'log',
    'log',
    ...times(LANES, 'schedstat'),
    ...times(2 * LANES, 'udp 6785'),
    'unix',
    'unix router-state.sock',
    'unix router.sock',
    'unix router.sock',
  ],
  'stand-by': [
    ...times((LANES + 1) * TAP_QUEUES, '/dev/net/tun'),
    'log',
    'log',
    ...times(LANES, 'schedstat'),
    ...times(2 * LANES, 'udp 6785'),
    'unix',
  ],
  // Two of the sockets without a name lead to `ip monitor` and `nft monitor`.
  agent: ['log', 'log', 'tcp', ...times(4, 'unix'), 'unix api.sock', 'unix cni.sock'],
};

/** Descriptors that the tester's own shell passes to every program. */
const INHERITED = new Set(
  openDescriptors(process.pid)
    .filter(({ fd, closedOnExec }) => fd > 2 && !closedOnExec)
    .map(({ fd }) => fd),
);

function descriptorsOf(node: DemoNode, role: Role) {
  return openDescriptors(onlyProcess(node, role)).filter(({ fd }) => !INHERITED.has(fd));
}

/** Without numbers that differ between runs. */
function nameOf(what: string): string {
  if (what.endsWith('/meshd.log')) return 'log';
  if (what.endsWith('/schedstat')) return 'schedstat';
  return what.replace(/^tcp \d+$/, 'tcp');
}

describe('the processes of a node', () => {
  const cluster = useCluster({ nodes: 2, podsPerNode: 1 });

  it(
    'hold their own descriptors and no others',
    async () => {
      const node = cluster.get().nodes[0]!;
      await waitUntil('the stand-by', 20_000, () => Promise.resolve(node.processes('stand-by').length === 1));
      for (const role of ROLES) {
        const held = () =>
          descriptorsOf(node, role)
            .map(({ what }) => nameOf(what))
            .filter((name) => !OF_NODE.includes(name))
            .sort();
        // While a program runs, the agent holds the ends of its input and output too.
        await waitUntil(`the descriptors of the ${role} alone`, 20_000, () =>
          Promise.resolve(held().join() === HELD[role].join()),
        ).catch(() => undefined);
        expect({ [role]: held() }).toEqual({ [role]: HELD[role] });
      }
    },
    TEST_TIMEOUT_MS,
  );

  it('pass none of them to the programs that they run', () => {
    for (const role of ROLES) {
      const passed = descriptorsOf(cluster.get().nodes[0]!, role).filter(({ closedOnExec }) => !closedOnExec);
      expect({ [role]: passed }).toEqual({ [role]: [] });
    }
  });

  it(
    'are all replaced when the supervisor is killed while the agent hangs',
    async () => {
      const node = cluster.get().nodes[0]!;
      const before = (['router', 'stand-by', 'agent'] as const).map((role) => onlyProcess(node, role));
      signal(onlyProcess(node, 'agent'), 'SIGSTOP');
      await kill([onlyProcess(node, 'supervisor')]);
      node.start();
      await waitUntil('the end of the earlier children', 10_000, () => Promise.resolve(!before.some(isAlive)));
      await node.waitReady();
      await cluster.get().waitLinks();
      for (const role of ['supervisor', 'router', 'agent'] as const) onlyProcess(node, role);
      await waitUntil('pods that reach each other', 10_000, async () => {
        await expectAllReachable(cluster.get());
        return true;
      });
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'notice that another interface was given the name of the TAP',
    async () => {
      const node = cluster.get().nodes[1]!;
      const router = onlyProcess(node, 'router');
      await node.namespace.run('sh', [
        '-c',
        'ip link del heddle-tap && ip tuntap add dev heddle-tap mode tap multi_queue vnet_hdr',
      ]);
      await waitUntil('a router with the new TAP', 10_000, () => {
        const [pid] = node.processes('router');
        return Promise.resolve(pid !== undefined && pid !== router);
      });
      await node.waitReady();
      await cluster.get().waitLinks();
      await waitUntil('pods that reach each other', 10_000, async () => {
        await expectAllReachable(cluster.get());
        return true;
      });
      // Made by hand, so it is not removed with its last descriptor.
      await node.namespace.ip('link', 'del', 'heddle-tap');
    },
    TEST_TIMEOUT_MS,
  );
});

function times(count: number, what: string): string[] {
  return Array<string>(count).fill(what);
}
