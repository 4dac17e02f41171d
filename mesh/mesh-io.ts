/**
 * Events, effects and views of the mesh core, which is pure: `(state, event, now) -> effects`. Times are milliseconds of a
 * monotonic clock of the caller, unless a type says that they are wall-clock time.
 */
import type { Cidr } from '../common/address/cidr.js';
import type { IpAddress } from '../common/address/ip-address.js';
import type { NodeId } from '../common/node-id.js';
import type {
  CipherName,
  PeerCounters,
  PeerPath,
  Relaying,
  RouterCommand,
  RouterEvent,
  SessionStatus,
} from '../common/router-port.js';
import type { SocketAddress } from '../common/address/socket-address.js';
import type { LinkState } from '../common/api.js';

/** Description of this node, which the core signs as an advert. */
export interface SelfDescription {
  readonly name: string;
  readonly version: string;
  /** Underlay addresses at which peers may reach this node, best first. */
  readonly endpoints: readonly SocketAddress[];
  readonly podCidrs: readonly Cidr[];
  /** The largest IP packet that its pods take; null where it is not known. */
  readonly podMtuBytes: number | null;
}

/** The authority changed the node of this name: it is gone, or its key is new. */
export interface NodeChange {
  readonly name: string;
  /** Eight bytes that are the same at all nodes that saw this change, in hex. */
  readonly change: string;
}

export type MeshEvent =
  /** A router is connected and holds `sessions`. Another `instance` than the last one is another process without ours. */
  | {
      readonly type: 'routerConnected';
      readonly instance: string;
      readonly ciphers: readonly CipherName[];
      readonly paths: readonly PeerPath[];
      readonly sessions: readonly SessionStatus[];
      /** Absent from a router that knows no relays. */
      readonly relaying?: Relaying;
      /** It keeps datagrams of announced sessions. Absent: it does not, and is sent no command about them. */
      readonly earlyFrames?: boolean;
    }
  | { readonly type: 'routerDisconnected' }
  /** Of the router, as it came. */
  | Exclude<RouterEvent, { type: 'hello' | 'counters' }>
  | { readonly type: 'counters'; readonly peers: readonly PeerCounters[]; readonly sessions: readonly SessionStatus[] }
  /** Addresses of the configured seeds, after name resolution; replaces the previous list. */
  | { readonly type: 'seeds'; readonly seeds: readonly SocketAddress[] }
  /** The MTU in {@link UnderlayFacts} changed. */
  | { readonly type: 'underlayMtu' }
  /** This node's own description changed. */
  | { readonly type: 'self'; readonly self: SelfDescription }
  /** Claims outside these ranges are void; replaces the previous list. */
  | { readonly type: 'clusterCidrs'; readonly cidrs: readonly Cidr[] }
  /**
   * Other cluster secrets, of 32 bytes each, oldest first, for handshakes from now on. Established sessions stay until they are
   * replaced.
   */
  | { readonly type: 'clusterSecrets'; readonly secrets: readonly Uint8Array[] }
  /** All pods of this node, reported to peers that ask; replaces the previous list. */
  | { readonly type: 'localPods'; readonly pods: readonly PodView[] }
  /** A user looks at the topology: peers are asked for their links until `untilMs`. */
  | { readonly type: 'topologyWanted'; readonly untilMs: number }
  /** The operator decides that a node is no longer a member, or is one again. */
  | { readonly type: 'revoke'; readonly node: NodeId; readonly isRevoked: boolean }
  /**
   * The authority names the key of this node for the node of this name, which has these pod CIDRs; null when it does not.
   * `isFresh`: it said so now, not before this process started.
   */
  | {
      readonly type: 'authorityAnswered';
      readonly node: NodeId;
      readonly name: string;
      readonly podCidrs: readonly Cidr[] | null;
      readonly isFresh: boolean;
    }
  /** This node watches the authority, and saw that it changed a node. */
  | { readonly type: 'nodeChanged'; readonly change: NodeChange }
  /** The time of `pollAt()` has come. */
  | { readonly type: 'tick' }
  /** The node leaves: peers get a goodbye. */
  | { readonly type: 'stop' };

export type MeshEffect =
  /** For the router, as it is. The agent makes the tables, from `routes()`. */
  | Exclude<RouterCommand, { type: 'tables' | 'tablesChange' | 'reportChanges' }>
  /** The ownership table or the usability of a route changed: read `routes()` again. */
  | { readonly type: 'routesChanged' }
  /** The known adverts or the stamps changed: keep `adverts()` and `stamps()` on disk for the next start. */
  | { readonly type: 'advertsChanged' }
  /** What does the authority say of this node? Asked again later when no answer comes. */
  | { readonly type: 'askAuthority'; readonly node: NodeId; readonly name: string; readonly publicKey: Uint8Array }
  /** Whether this node watches the changes of all nodes by the authority, for others too. */
  | { readonly type: 'watchNodes'; readonly isWanted: boolean }
  /** A log message, rate-limited by the core. It never contains secrets. */
  | {
      readonly type: 'notice';
      readonly level: 'info' | 'warn' | 'error';
      readonly message: string;
      readonly fields: Readonly<Record<string, string | number>>;
    };

/** One member as the API shows it. */
export interface MemberView {
  readonly id: NodeId;
  readonly name: string;
  /** Raw Ed25519 identity key, 32 bytes. */
  readonly publicKey: Uint8Array;
  readonly version: string;
  readonly podCidrs: readonly Cidr[];
  /** Cluster secrets that it has, oldest first, as public identifiers; null from an earlier version. */
  readonly secretIds: readonly string[] | null;
  readonly endpoint: SocketAddress | null;
  /** The node that relays between, null for a direct path; and why. */
  readonly relay: NodeId | null;
  readonly relayReason: string | null;
  readonly state: LinkState;
  readonly reason: string;
  readonly cipher: CipherName | null;
  readonly rttMs: number | null;
  readonly mtuBytes: number | null;
  /** On the core's clock. */
  readonly sinceMs: number;
  readonly lastHandshakeMs: number | null;
}

export interface RouteView {
  readonly cidr: Cidr;
  readonly owner: NodeId;
  readonly ownerName: string;
  /** The node whose claim to this CIDR lost, or null without a conflict. */
  readonly conflict: NodeId | null;
  /** Why the owner won: it can be reached and the other not, it was in the cluster earlier, or its id is lower. */
  readonly conflictReason: 'reachable' | 'earlier' | 'lowerId' | null;
  /** The largest IP packet that the owner's pods take, by its advert; null where it does not say. */
  readonly podMtuBytes: number | null;
  /** Whether frames are forwarded to the owner now: its link is `up` or `stale`. */
  readonly usable: boolean;
}

/** One pod as users know it. */
export interface PodView {
  /** `namespace/name`, or the first digits of the container id. */
  readonly name: string;
  readonly ips: readonly IpAddress[];
}

/** The pods of another member, as it reported them. */
export interface RemotePodsView {
  readonly node: NodeId;
  /** The first ones only, of a node with more than a message holds. */
  readonly pods: readonly PodView[];
  readonly podCount: number;
  readonly ageMs: number;
}

/** Reports of other nodes about their links, not older than ten seconds. */
export interface TopologyReports {
  readonly received: number;
  /** Linked peers. */
  readonly expected: number;
  /** As many as are asked at a time have reported. */
  readonly complete: boolean;
}

/** One link between two other members, as one of them reported it. */
export interface RemoteLinkView {
  readonly a: NodeId;
  readonly b: NodeId;
  readonly state: LinkState;
  readonly rttMs: number | null;
  readonly mtuBytes: number | null;
  readonly cipher: string | null;
  /** Whether a third node relays what `a` sends; false where a node of an older version reported it. */
  readonly isRelayed: boolean;
  readonly abBytes: number;
  readonly baBytes: number;
  /** How long ago `a` reported it. */
  readonly ageMs: number;
}

/** A configured seed's address, and what came of dialling it. */
export interface SeedView {
  readonly address: SocketAddress;
  /** The node behind it, once it responded. */
  readonly member: NodeId | null;
  readonly attempts: number;
  /** The last response: where it came from, and when. Null before the first one. */
  readonly answer: { readonly from: SocketAddress; readonly atMs: number } | null;
}

/** Handshakes from an address that were refused in the last two minutes. The address may be forged. */
export interface RefusedView {
  readonly from: SocketAddress;
  readonly cause: string;
  readonly attempts: number;
  readonly lastMs: number;
}

/** A claim of this node that lost to another node: the node must stop allocating addresses from it. */
export interface LostClaim {
  readonly cidr: Cidr;
  readonly winner: NodeId;
  readonly reason: 'reachable' | 'earlier' | 'lowerId';
}

/** What is kept of members besides their adverts for the next start (`handshake/initiation-stamps.ts`). */
export interface KeptStamps {
  /** The last stamp of this node; 0 when it never initiated. */
  readonly own: number;
  /** The highest stamp accepted of each peer. */
  readonly accepted: readonly (readonly [NodeId, number])[];
  /** Wall-clock ms of the first advert of members that came after this node (`cluster/witness.ts`). */
  readonly firstHeard: readonly (readonly [NodeId, number])[];
  /** Encoded (`wire/revocation.ts`). Absent from versions before 0.3. */
  readonly revocations?: readonly Uint8Array[];
  /** Members that said goodbye. Absent from versions before 0.3. */
  readonly left?: readonly NodeId[];
}

/** A node that an operator has revoked. */
export interface RevokedView {
  readonly node: NodeId;
  readonly name: string;
  /** The node on which it was decided, and its name if that is known. */
  readonly issuer: NodeId;
  readonly issuerName: string | null;
  /** Wall-clock ms. */
  readonly atMs: number;
}

/** Source of randomness: the operating system's in production, seeded in tests. */
export interface RandomSource {
  bytes(length: number): Uint8Array;
  /** Uniform in [0, 1): jitter. */
  fraction(): number;
}

/** Facts about the underlay that the host knows. */
export interface UnderlayFacts {
  /** MTU of the interface towards the peers: the upper bound of the path-MTU search. */
  readonly mtuBytes: number;
  /** Addresses of this host, never dialled. */
  readonly ownAddresses: readonly IpAddress[];
}
