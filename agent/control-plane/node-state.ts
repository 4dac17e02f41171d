/** State of the node on disk, read before anything starts: identity, known adverts, endpoints, allocated addresses. */
import type { Disk } from '../../common/storage/disk.js';
import type { Logger } from '../../common/log.js';
import { EndpointStore } from '../../cni/index.js';
import { Ipam } from '../../ipam/index.js';
import { decodeIdentity, encodeIdentity, generateIdentity } from '../../mesh/index.js';
import type { NodeIdentity } from '../../mesh/index.js';
import { AdvertCache } from './advert-cache.js';
import type { KnownMembers } from './advert-cache.js';
import type { Clock } from '../../common/clock.js';
import { loadOrCreateIdentity } from './node-identity.js';
import { advertCacheFile, allocationFolder, endpointFolder, identityFile } from '../../common/host/run-files.js';
import type { NodeSettings } from '../settings/node-settings.js';
import { systemRandom } from './system-random.js';

export interface NodeState {
  readonly identity: NodeIdentity;
  readonly adverts: AdvertCache;
  readonly known: KnownMembers;
  readonly endpoints: EndpointStore;
  readonly ipam: Ipam;
}

/** Rejects with IdentityError or the disk's error. Damaged caches and records are no errors. */
export async function loadNodeState(
  { config, podCidrs }: NodeSettings,
  disk: Disk,
  clock: Clock,
  log: Logger,
): Promise<NodeState> {
  const identity = await loadOrCreateIdentity(disk, identityFile(config), {
    generate: () => generateIdentity(systemRandom),
    encode: encodeIdentity,
    decode: decodeIdentity,
  });
  const adverts = new AdvertCache({ disk, path: advertCacheFile(config), clock, log });
  return {
    identity,
    adverts,
    known: await adverts.load(),
    endpoints: await EndpointStore.open(disk, endpointFolder(config), log),
    ipam: await Ipam.open({ directory: allocationFolder(config), cidrs: podCidrs, log, disk }),
  };
}
