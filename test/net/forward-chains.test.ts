/**
 * A node beside firewalls that drop what is forwarded, as Docker, ufw and firewalld set up: pods reach pods of their node, of the
 * other one, and the outside, in both families, also after somebody flushed the chain. Needs root and a build.
 */
import { describe, expect, it } from '@jest/globals';
import { join } from 'node:path';
import { waitUntil } from '../../deploy/demo/async/wait-until.js';
import type { Pod } from '../../deploy/demo/cluster/cluster.js';
import { DIST_DIR, useCluster } from './cluster-fixture.js';

const TEST_TIMEOUT_MS = 90_000;
/** Two looks of the agent at the host. */
const MENDED_WITHIN_MS = 25_000;

const each = (line: string) =>
  ['iptables', 'ip6tables'].map((program) => line.replaceAll('iptables', program)).join('; ');
const CASES: readonly [what: string, make: string, flush: string, remove: string][] = [
  [
    'an nft chain of both families with policy drop',
    `nft 'add table inet fw; add chain inet fw f { type filter hook forward priority 0; policy drop; }'`,
    'nft flush chain inet fw f',
    'nft delete table inet fw',
  ],
  [
    'an nft chain whose last rule rejects, behind a jump',
    `nft 'add table inet fw; add chain inet fw last; add rule inet fw last reject;
      add chain inet fw f { type filter hook forward priority 10; }; add rule inet fw f ct state established accept;
      add rule inet fw f jump last'`,
    `nft 'flush chain inet fw f; add rule inet fw f counter jump last'`,
    'nft delete table inet fw',
  ],
  [
    'iptables-nft with policy DROP',
    each('iptables-nft -P FORWARD DROP; iptables-nft -A FORWARD -i eth7 -j DROP'),
    each('iptables-nft -F FORWARD'),
    each('iptables-nft -P FORWARD ACCEPT; iptables-nft -F FORWARD'),
  ],
  [
    'legacy iptables with policy DROP',
    each('iptables-legacy -P FORWARD DROP'),
    each('iptables-legacy -F FORWARD; iptables-legacy -A FORWARD -j DROP'),
    each('iptables-legacy -P FORWARD ACCEPT; iptables-legacy -F FORWARD'),
  ],
];

describe('pods beside a firewall', () => {
  const cluster = useCluster({ nodes: 2, podsPerNode: 2 });
  const first = () => cluster.get().nodes[0]!;
  const sh = (line: string) => first().namespace.run('sh', ['-ec', line]);

  it.each(CASES)(
    'reach each other with %s',
    async (_, make, flush, remove) => {
      await sh(make);
      await waitUntil('pods that reach each other', MENDED_WITHIN_MS, reachAll);
      // What others set up can still be listed by their own tools.
      await sh(each('iptables-nft -S FORWARD'));
      await sh(flush);
      await waitUntil('pods that reach each other after a flush', MENDED_WITHIN_MS, reachAll);
      await sh(remove);
      await waitUntil(
        'no rule of ours where none is needed',
        MENDED_WITHIN_MS,
        async () => !(await rules()).includes('heddle: '),
      );
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'are said to be cut off when the table belongs to another program',
    async () => {
      const owner = first().namespace.spawn('nft', ['-i'], ['pipe', 'ignore', 'inherit']);
      owner.stdin!.write('add table inet mine { flags owner; }\n');
      owner.stdin!.write('add chain inet mine f { type filter hook forward priority 0; policy drop; }\n');
      const status = () => first().api.status();
      const message = async () => (await status()).conditions.find(({ name }) => name === 'host-network')!.message;
      await waitUntil('the unmet condition', MENDED_WITHIN_MS, async () => !(await status()).ready);
      expect(await message()).toContain('run: nft insert rule inet mine f iifname heddle0 accept');
      owner.stdin!.end();
      await waitUntil('the node to be ready', MENDED_WITHIN_MS, async () => (await status()).ready);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'leave no rule when Heddle is uninstalled, and the rules of others in place',
    async () => {
      await sh(
        `${each('iptables-nft -P FORWARD DROP; iptables-legacy -P FORWARD DROP')}; iptables-nft -A FORWARD -i eth7 -j ACCEPT`,
      );
      await waitUntil('rules of ours', MENDED_WITHIN_MS, async () => (await rules()).split('heddle: from').length >= 5);
      await first().stop();
      await first().namespace.run(process.execPath, [
        join(DIST_DIR, 'meshctl.js'),
        '--socket',
        first().apiSocket,
        'uninstall',
      ]);
      expect(await rules()).not.toContain('heddle');
      expect(await rules()).toContain('-A FORWARD -i eth7 -j ACCEPT');
    },
    TEST_TIMEOUT_MS,
  );

  const rules = async () =>
    (await sh(each('iptables-nft -S FORWARD; iptables-legacy -S FORWARD'))) +
    (await sh('nft list ruleset | grep heddle: || true'));

  /** From a pod of the first node to its neighbour, to a pod of the second node, and to that node itself. */
  async function reachAll(): Promise<boolean> {
    const { pods, nodes } = cluster.get();
    const [a, neighbour] = pods.filter(({ node }) => node === first()) as [Pod, Pod];
    const b = pods.find(({ node }) => node !== first())!;
    const outside = [nodes[1]!.plan.underlayV4, nodes[1]!.plan.underlayV6];
    const targets = [...neighbour.ips, ...b.ips, ...outside];
    await Promise.all(targets.map((target) => a.namespace.run('ping', ['-c', '1', '-W', '1', '-q', target])));
    return true;
  }
});
