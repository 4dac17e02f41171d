/** An initiation of a node that has the cluster secret and knows nobody, as an attacker sends it. */
import type { SocketAddress } from '../../common/address/socket-address.js';
import { Handshakes } from '../handshake/handshakes.js';
import { InitiationStamps } from '../handshake/initiation-stamps.js';
import { SessionSlots } from '../handshake/session-slots.js';
import type { RandomSource } from '../mesh-io.js';
import { ClusterSecrets } from '../wire/cluster-secrets.js';
import type { NodeIdentity } from '../wire/identity.js';

export interface LoneSender {
  readonly identity: NodeIdentity;
  readonly random: RandomSource;
  readonly clusterSecret: Uint8Array;
  /** Milliseconds since 1970 that its stamps begin with. */
  readonly wallMs: number;
  /** Of its own clock. */
  readonly nowMs: number;
}

/** @param staticKey of the node that the initiation has a proof for; null for any node */
export function loneInitiation(sender: LoneSender, to: SocketAddress, staticKey: Uint8Array | null): Uint8Array {
  const { identity, random, clusterSecret, wallMs, nowMs } = sender;
  const stamps = new InitiationStamps({ own: 0, accepted: [] }, wallMs, () => undefined);
  const nobody = { isWayTo: () => false, memberAddresses: () => new Set<never>(), member: () => undefined };
  const described = { advert: () => new Uint8Array(), ciphers: () => [], features: () => [] };
  const clusterSecrets = new ClusterSecrets([clusterSecret]);
  const deps = { ...nobody, ...described, identity, random, clusterSecrets, stamps, lastStamp: () => stamps.last };
  const handshakes = new Handshakes(deps, new SessionSlots(random));
  const dial = { expects: () => true, staticKey, secretIds: null, turn: 0, framesWait: true, mayCross: false };
  return handshakes.initiationFor(handshakes.start(dial, nowMs)!, to, nowMs)!;
}
