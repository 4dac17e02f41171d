import { describe, expect, it } from '@jest/globals';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { NODE_INTERFACE } from '../../deploy/demo/cluster/underlay.js';
import { DIST_DIR, hostObjects, useCluster } from './cluster-fixture.js';

const TEST_TIMEOUT_MS = 60_000;

describe('meshctl uninstall', () => {
  const cluster = useCluster({ nodes: 1, podsPerNode: 1 });

  it(
    'leaves nothing of Heddle on the node',
    async () => {
      const node = cluster.get().nodes[0]!;
      const before = await hostObjects(node);
      expect(before.links.length).toBeGreaterThan(2);
      expect(before.tables).toContain('heddle');
      await node.stop();
      await node.namespace.run(process.execPath, [
        join(DIST_DIR, 'meshctl.js'),
        '--socket',
        node.apiSocket,
        'uninstall',
      ]);
      expect(await hostObjects(node)).toEqual({ links: [NODE_INTERFACE, 'lo'], tables: '' });
      // Known from the record that meshd left: neither flag nor variable told meshctl where its folders are.
      expect(existsSync(dirname(node.apiSocket))).toBe(false);
      expect(existsSync(node.stateDir)).toBe(true);
    },
    TEST_TIMEOUT_MS,
  );
});
