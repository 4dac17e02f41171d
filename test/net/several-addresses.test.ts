/**
 * Nodes with several addresses and interfaces on the underlay: answers leave from the address that was called, so that the caller's
 * firewall lets them pass; packets that strict reverse path filtering drops are counted and shown. Needs root and a build.
 */
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { DemoNode } from '../../deploy/demo/cluster/demo-node.js';
import { UNDERLAY_PORT } from '../../deploy/demo/cluster/plan.js';
import { NODE_INTERFACE } from '../../deploy/demo/cluster/underlay.js';
import { waitUntil } from '../../deploy/demo/async/wait-until.js';
import { useCluster } from './cluster-fixture.js';

const TEST_TIMEOUT_MS = 90_000;
/** Two looks of the agent at the host take 20 s. */
const SHOWN_WITHIN_MS = 60_000;
const SECOND = { v4: ['192.168.99.222', '24'], v6: ['fd99::222', '64', 'nodad'] } as const;
/** Routed by another interface than it comes from (documentation range, RFC 5737). */
const FOREIGN = '203.0.113.9';

describe('a node that is called at its second address', () => {
  const cluster = useCluster({ nodes: 2, podsPerNode: 0, listenAddress: '' });
  const nodes = () => cluster.get().nodes as [DemoNode, DemoNode];

  describe('by a node whose firewall drops datagrams from the first', () => {
    beforeAll(async () => {
      const [caller, called] = nodes();
      const { underlayV4, underlayV6 } = called.plan;
      const rules = `table inet fw { chain in { type filter hook input priority 0;
        ip saddr ${underlayV4} udp sport ${UNDERLAY_PORT} drop; ip6 saddr ${underlayV6} udp sport ${UNDERLAY_PORT} drop; }; }`;
      await caller.namespace.run('nft', [rules]);
    });

    it.each(['v4', 'v6'] as const)(
      'answers from that address, %s',
      async (family) => {
        const [caller, called] = nodes();
        const [ip, prefix, ...flags] = SECOND[family];
        await called.namespace.ip('address', 'add', `${ip}/${prefix}`, 'dev', NODE_INTERFACE, ...flags);
        await caller.stop();
        caller.configure({ seeds: [ip] });
        caller.start();
        const [peer] = await caller.waitLinks([called.name]);
        expect(peer!.endpoint).toContain(ip);
        // The caller remembers it, and would call it again.
        await called.namespace.ip('address', 'del', `${ip}/${prefix}`, 'dev', NODE_INTERFACE);
      },
      TEST_TIMEOUT_MS,
    );
  });

  it(
    'counts what strict reverse path filtering drops, says the line to type, and nothing more once it was typed',
    async () => {
      const [sender, node] = nodes();
      const { namespace } = node;
      const filter = `net.ipv4.conf.${NODE_INTERFACE}.rp_filter`;
      await namespace.ip('route', 'add', `${FOREIGN}/32`, 'dev', 'lo');
      await namespace.run('sysctl', ['-qw', `${filter}=1`]);
      await sender.namespace.ip('address', 'add', `${FOREIGN}/32`, 'dev', NODE_INTERFACE);
      // ARP requests from an address that is routed elsewhere would get no answer.
      await sender.namespace.run('sysctl', ['-qw', `net.ipv4.conf.${NODE_INTERFACE}.arp_announce=2`]);

      const afterPing = async () => {
        const ping = `ping -q -c 1 -W 1 -I ${FOREIGN} ${node.plan.underlayV4} || true`;
        await sender.namespace.run('sh', ['-c', ping]);
        const { drops, conditions } = await node.api.status();
        const { ok, message } = conditions.find(({ name }) => name === 'reverse-path')!;
        return { dropped: drops['reversePathFilter'] ?? 0, ok, message };
      };
      const shown = await waitUntil('the condition', SHOWN_WITHIN_MS, async () => {
        const seen = await afterPing();
        return !seen.ok && seen.dropped > 0 && seen;
      });
      const line = /: (sysctl -w .*)$/.exec(shown.message)![1]!;
      expect(line).toContain(`${filter}=2`);
      // The agent leaves the settings of other interfaces than its own alone.
      expect(await namespace.run('sysctl', ['-n', filter])).toBe('1\n');
      await namespace.run('sh', ['-c', line]);
      await waitUntil('the condition without trouble', SHOWN_WITHIN_MS, async () => (await afterPing()).ok);
    },
    TEST_TIMEOUT_MS,
  );
});
