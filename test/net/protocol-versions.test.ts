/** A node of another protocol version: refused by both sides with the cause, and of no harm to others. Needs root and a build. */
import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { waitUntil } from '../../deploy/demo/async/wait-until.js';
import type { Cluster } from '../../deploy/demo/cluster/cluster.js';
import type { DemoNode } from '../../deploy/demo/cluster/demo-node.js';
import { PROTOCOL_VERSION } from '../../mesh/limits.js';
import { expectAllReachable, meshctl, useCluster } from './cluster-fixture.js';
import { OTHER_VERSION, programsOfOtherVersion } from './other-version.js';
import { startStream } from './pod-stream.js';

const TEST_TIMEOUT_MS = 90_000;
/** Each side hears of the other's version in the first handshake that gets so far. */
const TOLD_WITHIN_MS = 40_000;

const otherPrograms = await programsOfOtherVersion();
/** What a node says of a peer with the other version. */
const causeAt = (own: number, peer: number): string => `the peer speaks protocol version ${peer}, this node ${own}`;
const AT_MEMBER = causeAt(PROTOCOL_VERSION, OTHER_VERSION);
const AT_OTHER = causeAt(OTHER_VERSION, PROTOCOL_VERSION);

describe(`a node of protocol version ${OTHER_VERSION} among nodes of version ${PROTOCOL_VERSION}`, () => {
  const fixture = useCluster({ nodes: 3, podsPerNode: 1 });

  it(
    'that is new is refused by both sides, which say why',
    async () => {
      const cluster = fixture.get();
      const stranger = await cluster.addNode();
      stranger.start([], otherPrograms);
      // Its seeds are the first two nodes, which dial nobody of whom they do not know.
      const [seed] = cluster.nodes;
      await waitUntil('both sides refuse', TOLD_WITHIN_MS, async () => {
        return (await causes(seed!)).includes(AT_MEMBER) && (await causes(stranger)).includes(AT_OTHER);
      });
      expect(refusalsLogged(seed!)).toContain(AT_MEMBER);
      expect(refusalsLogged(stranger)).toContain(AT_OTHER);
      expect(await meshctl(seed!, 'status')).toContain(AT_MEMBER);
      expect((await stranger.api.peers()).filter(({ state }) => state === 'up')).toEqual([]);
      expect((await seed!.api.peers()).map(({ name }) => name)).not.toContain(stranger.name);
      await expectOthersWell(cluster, stranger);
      await stranger.stop();
      cluster.nodes.splice(cluster.nodes.indexOf(stranger), 1);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'that was a member before is refused, the list of peers says why, and it comes back with the version of the others',
    async () => {
      const cluster = fixture.get();
      const [first, second, third] = cluster.nodes as [DemoNode, DemoNode, DemoNode];
      const [from, to] = cluster.pods;
      const stream = await startStream(from!, to!);
      expect(await stream.echo()).toBe('echo');
      await third.stop();
      third.start([], otherPrograms);
      for (const node of [first, second]) {
        await waitUntil(`the cause on ${node.name}`, TOLD_WITHIN_MS, async () => {
          const peer = (await node.api.peers()).find(({ name }) => name === third.name);
          return peer?.state !== 'up' && peer?.reason.includes(AT_MEMBER);
        });
      }
      await waitUntil(`the cause on ${third.name}`, TOLD_WITHIN_MS, async () =>
        (await causes(third)).includes(AT_OTHER),
      );
      expect(await meshctl(first, 'peers', '-o', 'wide')).toContain(AT_MEMBER);
      await expectOthersWell(cluster, third);
      expect(await stream.echo()).toBe('echo');
      stream.close();
      await third.stop();
      third.start();
      await cluster.waitLinks();
      await expectAllReachable(cluster);
    },
    TEST_TIMEOUT_MS,
  );
});

async function causes(node: DemoNode): Promise<string> {
  const { targets = [] } = await node.api.status().catch(() => ({ targets: [] }));
  return targets.map(({ cause }) => cause).join('\n');
}

function refusalsLogged(node: DemoNode): string {
  const lines = readFileSync(node.logFile, 'utf8').split('\n');
  return lines.filter((line) => line.includes('handshake refused')).join('\n');
}

async function expectOthersWell(cluster: Cluster, other: DemoNode): Promise<void> {
  const members = cluster.nodes.filter((node) => node !== other);
  const names = members.map(({ name }) => name);
  await Promise.all(members.map((node) => node.waitLinks(names.filter((name) => name !== node.name))));
  const pods = cluster.pods.filter(({ node }) => node !== other);
  for (const pod of pods)
    for (const peer of pods) await pod.namespace.run('ping', ['-c', '1', '-W', '2', peer.ips[0]!]);
}
