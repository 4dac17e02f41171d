/** Members at addresses that nobody has, written into what a stopped node remembers of its cluster. */
import { join } from 'node:path';
import { AdvertCache } from '../../agent/control-plane/advert-cache.js';
import { systemRandom } from '../../agent/control-plane/system-random.js';
import { parseIpAddress } from '../../common/address/ip-address.js';
import { systemClock } from '../../common/clock.js';
import { silentLogger } from '../../common/log.js';
import { systemDisk } from '../../common/storage/disk.js';
import { waitUntil } from '../../deploy/demo/async/wait-until.js';
import type { DemoNode } from '../../deploy/demo/cluster/demo-node.js';
import { signAdvert } from '../../mesh/wire/advert.js';
import { generateIdentity } from '../../mesh/wire/identity.js';

const DEATH_WITHIN_MS = 40_000;
/** A node links to its neighbours only, 16 at most, of which one may live. */
const DEAD_NEIGHBOURS = 15;

/** Stops the node and starts it again with `count` dead members. Resolves when it has found its neighbours among them dead. */
export async function restartWithDeadMembers(node: DemoNode, count: number): Promise<void> {
  await node.stop();
  await rememberDeadMembers(node, count);
  node.start();
  await node.waitReady();
  await waitUntil('the death of neighbours', DEATH_WITHIN_MS, async () => {
    const peers = await node.api.peers();
    return peers.filter(({ state }) => state === 'down').length >= Math.min(count, DEAD_NEIGHBOURS);
  });
}

async function rememberDeadMembers(node: DemoNode, count: number): Promise<void> {
  const path = join(node.stateDir, 'adverts.json');
  const cache = new AdvertCache({ disk: systemDisk, path, clock: systemClock, log: silentLogger() });
  const known = await cache.load();
  cache.changed(() => ({ ...known, adverts: [...known.adverts, ...deadMembers(count)] }));
  await cache.flush();
}

function deadMembers(count: number): Uint8Array[] {
  const atMs = Date.now();
  return Array.from({ length: count }, (_, i) => {
    const endpoints = [{ ip: parseIpAddress(`192.168.99.${100 + (i % 100)}`), port: 7000 + i }];
    const self = { name: `dead-${i}`, version: '0.1.0', endpoints, podCidrs: [], podMtuBytes: null };
    const stamp = { createdAtMs: atMs, revision: atMs, incarnation: i + 1, lowestStamp: 0 };
    return signAdvert(generateIdentity(systemRandom), self, stamp).bytes;
  });
}
