/**
 * What `meshctl` says of faults on the nodes concerned: those of `npm run demo -- --break`, and a pod CIDR that two nodes
 * claim. Needs root and a build.
 */
import { describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { hostCommands } from '../../common/host/command.js';
import { waitUntil } from '../../deploy/demo/async/wait-until.js';
import type { DemoNode } from '../../deploy/demo/cluster/demo-node.js';
import { DIST_DIR, meshctl, useCluster } from './cluster-fixture.js';

const TEST_TIMEOUT_MS = 120_000;
const TOLD_WITHIN_MS = 30_000;

describe('a fault of a running cluster', () => {
  const cluster = useCluster({ nodes: 3, podsPerNode: 1 });
  const nodes = () => cluster.get().nodes as [DemoNode, DemoNode, DemoNode];

  /** What `--break` prints. It finds the cluster by its description, as from a second terminal. */
  const breakCluster = (...words: string[]) =>
    hostCommands.run(process.execPath, [join(DIST_DIR, 'demo.js'), '--break', ...words]);

  /** Resolves to the named groups of the pattern. */
  async function waitTold(node: DemoNode, command: readonly string[], pattern: RegExp): Promise<object> {
    let said = '';
    await waitUntil(`${pattern.source} in meshctl ${command.join(' ')} on ${node.name}`, TOLD_WITHIN_MS, async () => {
      said = await meshctl(node, ...command);
      return pattern.test(said);
    }).catch((thrown: unknown) => {
      process.stderr.write(`${said}\n`);
      throw thrown;
    });
    return pattern.exec(said)?.groups ?? {};
  }

  it(
    'that two nodes claim one pod CIDR is told by the names of both, on both, until it ends',
    async () => {
      const [first, second] = nodes();
      const [cidr] = first.plan.podCidrs as [string];
      second.configure({ podCidrs: [...second.plan.podCidrs, cidr] });
      second.reload();
      // The one that was in the cluster earlier wins.
      const contested = new RegExp(`${cidr} +(?<winner>n[12]) +\\w+ +(?<loser>n[12]) +\\k<winner> `);
      const { winner, loser } = (await waitTold(first, ['routes'], contested)) as { winner: string; loser: string };
      const named = (name: string) => nodes().find((node) => node.name === name)!;
      const note = new RegExp(`claims: ${loser} also claims ${cidr}, and loses, since ${winner} `);
      await waitTold(named(winner), ['status'], note);
      const lost = new RegExp(`missing claims: ${cidr} also belongs to ${winner}, since ${winner} `);
      await waitTold(named(loser), ['status'], lost);
      for (const node of [first, second]) {
        expect(await meshctl(node, 'routes')).toMatch(contested);
        const listed = await meshctl(node, 'nodes');
        for (const name of ['n1', 'n2']) expect(listed).toMatch(new RegExp(`^${name} .*${cidr}`, 'm'));
        const unused = cidr.replace(/\d+\/\d+$/, '200');
        const claimants = await meshctl(node, 'who', unused);
        for (const name of ['n1', 'n2']) expect(claimants).toMatch(new RegExp(`podCidr +${cidr} +- +${name} `));
      }
      second.configure({ podCidrs: second.plan.podCidrs });
      second.reload();
      for (const node of [first, second]) await waitTold(node, ['status'], /ok +claims$/m);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'by --break is seen where --break says: a cut link, another secret, a dead node',
    async () => {
      const [first, , third] = nodes();
      cluster.get().publish();
      expect(await breakCluster('link', 'n1', 'n2')).toContain('See meshctl peers -o wide on n1');
      await waitTold(first, ['peers', '-o', 'wide'], /^n2 .* via n3 +up .*no answer without a relay/m);
      await breakCluster('mend');

      expect(await breakCluster('secret')).toContain('See the targets of meshctl status on n1 and n3');
      await waitTold(first, ['status'], /n3 +refused .*has another cluster secret/);
      await waitTold(third, ['status'], /n1 +refused .*has another cluster secret/);

      expect(await breakCluster('node', 'n2')).toContain('meshctl nodes --sort-by state');
      await waitTold(first, ['status'], /warning peers: .*no link to n2 \(/);
      await waitTold(first, ['nodes', '--sort-by', 'state'], /^n2 +down/m);
      const unknown = spawnSync(process.execPath, [join(DIST_DIR, 'demo.js'), '--break', 'node', 'n9'], {
        encoding: 'utf8',
      });
      expect(unknown.status).toBe(1);
      expect(unknown.stderr).toContain('"n9" is no node of the running demo (n1, n2, n3)');
    },
    TEST_TIMEOUT_MS,
  );
});
