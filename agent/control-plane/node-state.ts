/** Everything the agent must have read before it may speak: secret, identity, what was known, what was given out. */
import type { Cidr } from '../../common/address/cidr.js';
import { parseCidr } from '../../common/address/cidr.js';
import type { Config } from '../../common/config.js';
import type { Disk } from '../../common/storage/disk.js';
import type { Logger } from '../../common/log.js';
import { EndpointStore } from '../../cni/index.js';
import { Ipam } from '../../ipam/index.js';
import { decodeIdentity, encodeIdentity, generateIdentity } from '../../mesh/index.js';
import type { NodeIdentity } from '../../mesh/index.js';
import { AdvertCache } from './advert-cache.js';
import type { Clock } from '../../common/clock.js';
import { loadClusterSecret } from './cluster-secret.js';
import { loadOrCreateIdentity } from './node-identity.js';
import { advertCacheFile, allocationFolder, endpointFolder, identityFile } from '../../common/host/run-files.js';
import { systemRandom } from './system-random.js';

export interface NodeState {
  readonly identity: NodeIdentity;
  /** 32 bytes. */
  readonly clusterSecret: Uint8Array;
  readonly adverts: AdvertCache;
  readonly cachedAdverts: readonly Uint8Array[];
  readonly endpoints: EndpointStore;
  readonly ipam: Ipam;
  readonly podCidrs: readonly Cidr[];
  /** Those of the configuration, or this node's own when there are none: a cluster of one. */
  readonly clusterCidrs: readonly Cidr[];
}

/** Rejects with ConfigError (secret), IdentityError, or the disk's error. Damaged caches and records are no errors. */
export async function loadNodeState(config: Config, disk: Disk, clock: Clock, log: Logger): Promise<NodeState> {
  const secret = await loadClusterSecret(config.clusterSecretFile);
  if (secret.warning !== null) log.warn(secret.warning);
  const identity = await loadOrCreateIdentity(disk, identityFile(config), {
    generate: () => generateIdentity(systemRandom),
    encode: encodeIdentity,
    decode: decodeIdentity,
  });
  const podCidrs = config.podCidrs.map(parseCidr);
  const clusterCidrs = config.clusterCidrs.map(parseCidr);
  const adverts = new AdvertCache({ disk, path: advertCacheFile(config), clock, log });
  return {
    identity,
    clusterSecret: secret.bytes,
    adverts,
    cachedAdverts: await adverts.load(),
    endpoints: await EndpointStore.open(disk, endpointFolder(config), log),
    ipam: await Ipam.open({ directory: allocationFolder(config), cidrs: podCidrs, log, disk }),
    podCidrs,
    clusterCidrs: clusterCidrs.length > 0 ? clusterCidrs : podCidrs,
  };
}
