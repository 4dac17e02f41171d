/**
 * A host on the underlay that has no secret sends datagrams with the address of a node's peer as their source to another address of
 * the node: nothing leaves for the peer from there. Needs root and a build.
 */
import { describe, expect, it } from '@jest/globals';
import { join } from 'node:path';
import { every, systemClock } from '../../common/clock.js';
import { TYPE_INITIATION } from '../../common/wire/datagram-header.js';
import type { DemoNode } from '../../deploy/demo/cluster/demo-node.js';
import { UNDERLAY_PORT } from '../../deploy/demo/cluster/plan.js';
import { NODE_INTERFACE, UNDERLAY_BRIDGE } from '../../deploy/demo/cluster/underlay.js';
import { INITIATION_BYTES } from '../../mesh/limits.js';
import { Capture } from './capture.js';
import { DIST_DIR, useCluster } from './cluster-fixture.js';
import { allowForgedSources } from './liars.js';

const TEST_TIMEOUT_MS = 90_000;
const SECOND = '192.168.99.222';
/** Forged datagrams come so often that one lies between most initiations and their responses. */
const FORGE_INTERVAL_MS = 4;
const FORGED_AT_ONCE = 4;
const FEW = 100;
const HEADER_BYTES = 96;

describe('datagrams that say that they are of a peer', () => {
  const cluster = useCluster({ nodes: 2, podsPerNode: 0, listenAddress: '' });

  it(
    'change nothing of where responses, initiations and data to that peer leave from',
    async () => {
      const { nodes, underlay } = cluster.get();
      const [peer, node] = nodes as [DemoNode, DemoNode];
      await node.namespace.ip('address', 'add', `${SECOND}/24`, 'dev', NODE_INTERFACE);
      // The node tells all its addresses. The peer does not reach this one.
      const rules = `table inet fw { chain out { type filter hook output priority 0; ip daddr ${SECOND} drop; }; }`;
      await peer.namespace.run('nft', [rules]);
      await allowForgedSources(cluster.get());
      const withSecond = `host ${SECOND} and udp port ${UNDERLAY_PORT}`;
      const called = await Capture.start(underlay.namespace, UNDERLAY_BRIDGE, `dst ${withSecond}`, HEADER_BYTES);
      const left = await Capture.start(underlay.namespace, UNDERLAY_BRIDGE, `src ${withSecond}`, HEADER_BYTES);

      const program = [join(DIST_DIR, 'replay.js'), `${UNDERLAY_PORT}`];
      const forger = underlay.outside.spawn(process.execPath, program, ['pipe', 'ignore', 'inherit']);
      const initiation = Buffer.alloc(INITIATION_BYTES).fill(TYPE_INITIATION, 0, 1).toString('hex');
      const line = `${peer.plan.underlayV4} ${SECOND} ${initiation}\n`;
      const stopForging = every(systemClock, FORGE_INTERVAL_MS, () => {
        forger.stdin!.write(line.repeat(FORGED_AT_ONCE));
      });
      for (const restarted of [peer, node]) {
        await restarted.stop();
        restarted.start();
        await cluster.get().waitLinks();
      }
      stopForging();
      forger.stdin!.end();

      expect((await called.stopForLengths()).length).toBeGreaterThan(FEW);
      expect(await left.stopForLengths()).toEqual([]);
    },
    TEST_TIMEOUT_MS,
  );
});
