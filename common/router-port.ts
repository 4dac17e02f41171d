/**
 * Messages between agent and router over one unix socket, as length-prefixed msgpack (`common/codec/message-stream.ts`). The
 * agent sends tables, sessions and datagrams; the router sends counters, events and control datagrams. `tables` is the whole
 * desired state, `tablesChange` what is other since the agent said it last. Messages hold session keys and are never logged.
 */
import type { Cidr } from './address/cidr.js';
import type { IpAddress } from './address/ip-address.js';
import type { NodeId } from './node-id.js';
import type { SocketAddress } from './address/socket-address.js';

export const ROUTER_PORT_VERSION = 3;

export type CipherName = 'aes-256-gcm' | 'chacha20-poly1305';

/** One pod CIDR and the node that owns it, as decided by the ownership table. */
export interface Route {
  readonly cidr: Cidr;
  readonly peer: NodeId;
}

/** The AEAD engine of a router. */
export interface EngineStatus {
  readonly name: string;
  /** Nanoseconds to seal 1024 bytes of a bulk stream with AES-256-GCM, measured when the router started. */
  readonly sealNsPerKiB: number;
  /** Debian package of a library with which this processor would seal faster, or null. */
  readonly fasterPackage: string | null;
}

/** Label of the envelopes on one hop of a relay (ADR 0044), chosen at random by the node that receives them. */
export interface RelayChannel {
  /** 1 to 2^32 - 1. */
  readonly channel: number;
  /** 8 bytes, never logged. */
  readonly token: Uint8Array;
}

/** Way to a peer through a relay: envelopes with the channel that the relay chose, sent to the relay's own direct path. */
export interface RelayRoute {
  /** The relay. Its path must be direct, also when it changes: nothing is sent over a peer that is itself relayed. */
  readonly peer: NodeId;
  readonly channel: RelayChannel;
}

/** Channel of an end: envelopes with it are accepted from the relay's own direct path. */
export interface OpenChannel {
  /** That this node chose. */
  readonly channel: RelayChannel;
  /** The other end. */
  readonly peer: NodeId;
  readonly relay: NodeId;
  /** That the relay chose, for the way back: for answers to probes on the channel, and for probes on it. */
  readonly send?: RelayChannel | null;
}

/** One end of a pair that this node relays between. */
export interface RelayEnd {
  readonly peer: NodeId;
  /** That this node chose: envelopes from the end have it. */
  readonly receive: RelayChannel;
  /** That the end chose: envelopes to the end get it. */
  readonly send: RelayChannel;
}

/** A pair that this node relays between, over its own direct paths to both. */
export interface OpenRelay {
  readonly ends: readonly [RelayEnd, RelayEnd];
  /** The end that asked for the pair, which its traffic is charged to. Absent from an older version: the first one. */
  readonly opener?: NodeId;
}

/** Address of a peer, and the MTU of the path to it. */
export interface PeerPath {
  readonly peer: NodeId;
  /** Direct, also while the path is relayed. */
  readonly endpoint: SocketAddress;
  /** Largest IP packet that fits the path, from the path-MTU search. The router subtracts the envelope of a relayed path. */
  readonly mtuBytes: number;
  /** Where all sealed datagrams to the peer go in place of the endpoint. Absent or null: directly. */
  readonly relay?: RelayRoute | null;
  /** How long the link is up, null while it is not: the router keeps it for the next agent. Absent from older versions. */
  readonly upForMs?: number | null;
  /**
   * The address of this node that the peer called, with the handshake that ended on this path or later: its datagrams leave from
   * there. Absent or null: as before, and on another path as the route says. Absent from older versions.
   */
  readonly local?: IpAddress | null;
}

/** The whole desired forwarding state. */
export interface ForwardingTables {
  /** Rises with every change; the router reports the one it applied. */
  readonly generation: number;
  /** This node's own pod CIDRs: never sent to a peer. */
  readonly localCidrs: readonly Cidr[];
  /** Of this node's pods and gateways: what goes to peers must come from one of them. */
  readonly localAddresses: readonly IpAddress[];
  readonly routes: readonly Route[];
}

/** What is other in newer tables (ADR 0049). Local CIDRs are the same. */
export interface TablesChange {
  /** Generation of the tables that it changes: those that the router has. */
  readonly base: number;
  readonly generation: number;
  /** All local addresses, or null when they are the same. */
  readonly localAddresses: readonly IpAddress[] | null;
  /** Routes that are gone. */
  readonly removed: readonly Cidr[];
  /** Routes that are new, or lead to another peer than before. */
  readonly routes: readonly Route[];
}

/** The outcome of one handshake. Base keys: the router derives the key of each lane from them (`docs/wire.md`). */
export interface SessionKeys {
  readonly peer: NodeId;
  /** Session index this node chose: peers put it in datagrams to us. Its low 16 bits are the router's table slot. */
  readonly localIndex: number;
  /** Session index the peer chose: we put it in datagrams to it. */
  readonly remoteIndex: number;
  readonly cipher: CipherName;
  /** 32 bytes each. */
  readonly sendKey: Uint8Array;
  readonly receiveKey: Uint8Array;
}

export type RouterCommand =
  | { readonly type: 'tables'; readonly tables: ForwardingTables }
  /** Only to a router whose hello has `takesTablesChanges`. Of another `base` than the router has it ends the connection. */
  | { readonly type: 'tablesChange'; readonly change: TablesChange }
  | { readonly type: 'path'; readonly path: PeerPath }
  /** From now on this session opens what arrives for it. */
  | { readonly type: 'installSession'; readonly session: SessionKeys }
  /** From now on what goes to the session's peer is sealed with it; the session before stays open for receiving. */
  | { readonly type: 'activateSession'; readonly localIndex: number }
  | { readonly type: 'removeSession'; readonly localIndex: number }
  /** Forget path, sessions and counters of a peer. */
  | { readonly type: 'removePeer'; readonly peer: NodeId }
  /** A handshake datagram (wire types 1 to 4), sent as it is; in an envelope and not to `to` when there is a relay. */
  | {
      readonly type: 'sendDatagram';
      readonly to: SocketAddress;
      readonly bytes: Uint8Array;
      readonly relay?: RelayRoute;
      /** Of the datagram that this one answers: it leaves from there. Absent or null: from the address that the route says. */
      readonly local?: IpAddress | null;
      /** It leaves from where the datagrams of this peer do, if they go to the same address. */
      readonly peer?: NodeId | null;
    }
  /** One control message, sealed by the router into a control unit (wire type 6). */
  | { readonly type: 'sendControl'; readonly peer: NodeId; readonly bytes: Uint8Array }
  /**
   * A probe (wire type 7) padded so that its IP packet, with an envelope if it gets one, has `sizeBytes`; the peer's router answers
   * by itself, the way that the probe came.
   */
  | {
      readonly type: 'probe';
      readonly peer: NodeId;
      readonly probeId: number;
      readonly sizeBytes: number;
      /** To the endpoint, although the path is relayed. */
      readonly direct?: boolean;
      /** On this opened channel, whatever the path is. */
      readonly channel?: number;
    }
  // The next two only to a router whose hello has `earlyFrames`: others end the connection at a command that they do not know.
  /**
   * The agent has chosen this index for a session: data datagrams with it wait for its keys (ADR 0046). Sent before the message that
   * tells the peer; `removeSession` when there will be no session.
   */
  | { readonly type: 'expectSession'; readonly localIndex: number }
  /** Nothing is sealed with the active session any more until it is activated again: frames wait. It goes on opening. */
  | { readonly type: 'deactivateSession'; readonly localIndex: number }
  /** Only to a router whose hello has `reportsChanges`. Its `counters` on this connection hold what has changed, from now on. */
  | { readonly type: 'reportChanges' }
  // The next four only to a router whose hello has `relaying`: others end the connection at a command that they do not know.
  /** The same number again replaces the channel. */
  | ({ readonly type: 'openChannel' } & OpenChannel)
  | { readonly type: 'closeChannel'; readonly channel: number }
  /** Replaces a pair that has one of the receive channels. */
  | ({ readonly type: 'openRelay' } & OpenRelay)
  /** Both directions, by the receive channel of either end. */
  | { readonly type: 'closeRelay'; readonly channel: number };

/** Channels and pairs that are open, as the agent said them. Never logged. */
export interface Relaying {
  readonly channels: readonly OpenChannel[];
  readonly pairs: readonly OpenRelay[];
}

/** State of one session; holds no secret. */
export interface SessionStatus {
  readonly peer: NodeId;
  readonly localIndex: number;
  readonly active: boolean;
  /** Units sealed so far, over all lanes; compared with the rekey limit. */
  readonly unitsSent: number;
  /** Since it was installed. Absent from a router of an older version, as the cipher. */
  readonly ageMs?: number;
  readonly cipher?: CipherName;
}

export interface PeerCounters {
  readonly peer: NodeId;
  readonly txBytes: number;
  readonly txFrames: number;
  readonly rxBytes: number;
  readonly rxFrames: number;
  /** Milliseconds since the last authenticated datagram, or null if there was none. */
  readonly lastReceivedMsAgo: number | null;
  /** Share of datagrams lost towards the peer as its router last reported, 0 to 1. */
  readonly lossRatio: number;
}

/** Of counters that hold only what has changed (ADR 0042). */
export interface CountersChange {
  /**
   * On each connection all counters come first, in pieces: `first`, `rest`, `rest` ... Peers without traffic are in none of them.
   * `change`: since the event before. A peer that is in one for the first time had no traffic then.
   */
  readonly part: 'first' | 'rest' | 'change';
  /** Peers that the router has forgotten. */
  readonly removed: readonly NodeId[];
}

/** What the router reads and writes, by numbers of the kernel that a later interface or socket of the same name has not. */
export interface RouterDescriptors {
  /** Interface number of the TAP. */
  readonly tapIndex: number;
  readonly tapQueues: number;
  /** Inodes of the UDP sockets. */
  readonly udpInodes: readonly number[];
}

export type RouterEvent =
  /** First message on every connection. `instance` is random per router process: a new one has no sessions. */
  | {
      readonly type: 'hello';
      readonly version: number;
      readonly instance: string;
      readonly ciphers: readonly CipherName[];
      readonly tapName: string;
      /** Absent from a router of an older version. */
      readonly descriptors?: RouterDescriptors;
      /** Measures of its confinement that are not in force, with the reason. Absent from a router of an older version. */
      readonly unconfined?: readonly string[];
      /** Missing from routers before 0.2. */
      readonly engine?: EngineStatus;
      readonly generation: number;
      readonly paths: readonly PeerPath[];
      readonly sessions: readonly SessionStatus[];
      /** Absent from a router that knows no relays. An agent that starts opens again what it wants to keep. */
      readonly relaying?: Relaying;
      /** Absent from a router that takes whole tables only. */
      readonly takesTablesChanges?: boolean;
      /** It keeps datagrams of sessions that are announced to it. Absent from a router of an older version. */
      readonly earlyFrames?: boolean;
      /** Absent from a router that reports the counters of all peers every time. */
      readonly reportsChanges?: boolean;
    }
  /** A datagram of wire type 1 to 4 from anyone. */
  | {
      readonly type: 'datagram';
      readonly from: SocketAddress;
      readonly bytes: Uint8Array;
      /** This node's, of the envelope that it came in; `from` is then the relay's address. */
      readonly channel?: number;
      /** Address of this node that it came to, for the answer. Absent with a channel, and from a router of an older version. */
      readonly local?: IpAddress;
    }
  /** An opened control unit: authentic, from this peer. */
  | { readonly type: 'control'; readonly peer: NodeId; readonly bytes: Uint8Array }
  | {
      readonly type: 'probeAnswer';
      readonly peer: NodeId;
      readonly probeId: number;
      readonly sizeBytes: number;
      readonly roundTripUs: number;
      /** The address under which the peer saw this node, or its relay. */
      readonly observed: SocketAddress;
      /** The answer came in an envelope. */
      readonly relayed?: boolean;
      /** Of that envelope. */
      readonly channel?: number;
    }
  /** The first authentic datagram arrived on a session: the peer holds its keys. */
  | { readonly type: 'sessionConfirmed'; readonly peer: NodeId; readonly localIndex: number }
  /** An authentic datagram came from a new address; the router already sends there. */
  | {
      readonly type: 'roamed';
      readonly peer: NodeId;
      readonly endpoint: SocketAddress;
      /** Address of this node that the datagram came to. Absent from a router of an older version. */
      readonly local?: IpAddress;
    }
  /** Frames wait for a peer without active session, or leave while nothing is heard of it. At most once a second per peer. */
  | { readonly type: 'sessionWanted'; readonly peer: NodeId }
  /** The kernel refuses datagrams of the size in use: the MTU of the interface towards the peer is smaller. */
  | { readonly type: 'tooBig'; readonly peer: NodeId }
  // The next two only on connections on which the agent opened a channel or a pair: an older agent does not know them.
  /**
   * The newest data or control of a peer whose path is relayed came without an envelope. The router goes on as before. At most once
   * a second per peer.
   */
  | {
      readonly type: 'heardDirectly';
      readonly peer: NodeId;
      readonly from: SocketAddress;
      /** Address of this node that it came to. Absent from a router of an older version. */
      readonly local?: IpAddress;
    }
  /** The pair with this receive channel, of its first end, had no datagram for RELAY_IDLE_MS. Once a second until it is closed. */
  | { readonly type: 'relayIdle'; readonly channel: number }
  /** Once a second while anything changed; in pieces when much has. */
  | {
      readonly type: 'counters';
      readonly drops: Readonly<Record<string, number>>;
      readonly peers: readonly PeerCounters[];
      readonly sessions: readonly SessionStatus[];
      /** Absent when `peers` and `sessions` are all there are; of other peers nothing is known then. */
      readonly changes?: CountersChange;
    };
