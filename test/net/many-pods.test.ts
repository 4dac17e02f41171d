/**
 * A full node: 110 pods, as many as a kubelet starts, that each send to 200 addresses of another node in both families. Counts
 * neighbour entries, whose table all namespaces of a host share. Needs root and a build.
 */
import { describe, expect, it } from '@jest/globals';
import { mapBounded } from '../../deploy/demo/async/map-bounded.js';
import type { Pod } from '../../deploy/demo/cluster/cluster.js';
import { useCluster } from './cluster-fixture.js';
import { neighbours, sendToMany } from './neighbour-entries.js';

const PODS = 110;
const REMOTE_ADDRESSES = 200;
const REMOTE_PREFIXES = ['10.32.2.', 'fd00:32:0:2::'];
const MAX_ENTRIES = 120;
/** Pods attached or sending at a time. */
const AT_ONCE = 8;
const TEST_TIMEOUT_MS = 180_000;

describe(`${PODS} pods of one node`, () => {
  const cluster = useCluster({ nodes: 2, podsPerNode: 1 });

  it(
    `cost at most ${MAX_ENTRIES} neighbour entries in each family, whatever they send to`,
    async () => {
      const { node } = cluster.get().pods[0]!;
      const plans = Array.from({ length: PODS - 1 }, (_, i) => ({ name: `many-${i}`, nodeIndex: node.plan.index }));
      const attached = await mapBounded(plans, AT_ONCE, (plan) => cluster.get().attach(plan));
      const pods: Pod[] = [cluster.get().pods[0]!, ...attached];
      expect(new Set(pods.flatMap(({ ips }) => ips)).size).toBe(2 * PODS);
      await mapBounded(pods, AT_ONCE, ({ namespace }) => sendToMany(namespace, REMOTE_ADDRESSES, REMOTE_PREFIXES));
      for (const family of ['4', '6'] as const) {
        expect(await neighbours(node.namespace, family)).toBeLessThanOrEqual(MAX_ENTRIES);
        for (const { namespace } of pods.slice(0, 3)) expect(await neighbours(namespace, family)).toBe(1);
      }
      const { drops } = await node.api.status();
      expect(drops['noRoute'] ?? 0).toBe(0);
    },
    TEST_TIMEOUT_MS,
  );
});
