import { describe, expect, it } from '@jest/globals';
import { checkOutside } from '../../deploy/demo/checks/outside.js';
import { checkTransfers } from '../../deploy/demo/checks/transfers.js';
import { PodTraffic } from '../../deploy/demo/traffic/pod-traffic.js';
import { DIST_DIR, expectAllReachable, useCluster } from './cluster-fixture.js';

const TEST_TIMEOUT_MS = 60_000;

describe.each(['ipv4', 'ipv6'] as const)('a cluster with only %s, in pods and on the underlay', (families) => {
  const cluster = useCluster({ nodes: 2, podsPerNode: 1, families });
  const traffic = new PodTraffic(DIST_DIR);

  it('gives pods addresses of that family only', () => {
    for (const pod of cluster.get().pods) {
      expect(pod.ips.map((ip) => (ip.includes(':') ? 'ipv6' : 'ipv4'))).toEqual([families]);
    }
  });

  it(
    'carries pings, transfers and traffic to the outside',
    async () => {
      await expectAllReachable(cluster.get());
      expect((await checkTransfers(cluster.get(), traffic)).problems).toEqual([]);
      expect((await checkOutside(cluster.get(), traffic)).problems).toEqual([]);
    },
    TEST_TIMEOUT_MS,
  );
});
