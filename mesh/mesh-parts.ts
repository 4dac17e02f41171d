/** Parts of the mesh core, wired to each other: every part is built here and gets what it uses of the others. */
import type { Cidr } from '../common/address/cidr.js';
import type { NodeId } from '../common/node-id.js';
import type { SocketAddress } from '../common/address/socket-address.js';
import type { CipherName } from '../common/router-port.js';
import { Authority } from './cluster/authority.js';
import { Conduct } from './cluster/conduct.js';
import { ControlDispatcher } from './cluster/control-dispatcher.js';
import { Deaths } from './cluster/deaths.js';
import { Gossip } from './cluster/gossip.js';
import { NodeChanges } from './cluster/node-changes.js';
import { PeerTable } from './cluster/peer-table.js';
import { Seeds } from './cluster/seeds.js';
import { memberAddresses } from './cluster/member-addresses.js';
import { Relaying } from './cluster/relaying.js';
import { RevocationSpread } from './cluster/revocation-spread.js';
import { Revocations } from './cluster/revocations.js';
import { SelfAdvert } from './cluster/self-advert.js';
import { Witness } from './cluster/witness.js';
import { Topology } from './cluster/topology.js';
import { WatchDuty } from './cluster/watch-duty.js';
import { Counters } from './counters.js';
import { HandshakeOutcomes } from './handshake-outcomes.js';
import { Handshakes } from './handshake/handshakes.js';
import { InitiationStamps } from './handshake/initiation-stamps.js';
import { RefusedSources } from './handshake/refused-sources.js';
import { SessionSlots } from './handshake/session-slots.js';
import type { KeptStamps, MeshEffect, RandomSource, SelfDescription, UnderlayFacts } from './mesh-io.js';
import { LocalHealth } from './local-health.js';
import { Notices } from './notices.js';
import { Dialer } from './peer/dial.js';
import type { Peer } from './peer/peer.js';
import { RouterConnection } from './router-connection.js';
import { ClusterSecrets } from './wire/cluster-secrets.js';
import { EARLY_FRAMES, preferCipher } from './wire/handshake-payload.js';
import type { NodeIdentity } from './wire/identity.js';
import { RELAY_SEARCH_MS } from './relay-limits.js';

export interface MeshOptions {
  readonly identity: NodeIdentity;
  readonly self: SelfDescription;
  /** Of 32 bytes each, oldest first: one, or during a rotation two. */
  readonly clusterSecrets: readonly Uint8Array[];
  readonly clusterCidrs: readonly Cidr[];
  readonly random: RandomSource;
  readonly underlay: UnderlayFacts;
  /** What {@link Mesh.adverts} gave before the restart; bad ones are ignored. */
  readonly cachedAdverts: readonly Uint8Array[];
  /** What {@link Mesh.stamps} gave before the restart. */
  readonly cachedStamps: KeptStamps;
  /** Wall-clock time at this call. */
  readonly wallClockMs: number;
  /** `auto` takes the router's own order. */
  readonly cipherPreference: 'auto' | CipherName;
  /** Whether only nodes that the authority names may link; else all that have the cluster secret. */
  readonly needsAuthority: boolean;
}

/** What the parts need of the core itself. */
export interface MeshHooks {
  readonly emit: (effect: MeshEffect) => void;
  /** Does what is due for a peer that changed, and schedules its next deadline. */
  readonly advancePeer: (peer: Peer, nowMs: number) => void;
}

export class MeshParts {
  readonly counters = new Counters();
  readonly router = new RouterConnection();
  readonly health = new LocalHealth();
  readonly notices: Notices;
  readonly conduct: Conduct;
  readonly self: SelfAdvert;
  readonly secrets: ClusterSecrets;
  readonly authority: Authority;
  readonly slots: SessionSlots;
  readonly stamps: InitiationStamps;
  readonly witness: Witness;
  readonly handshakes: Handshakes;
  readonly revocations: Revocations;
  readonly peerTable: PeerTable;
  readonly revocationSpread: RevocationSpread;
  readonly nodeChanges: NodeChanges;
  readonly deaths: Deaths;
  readonly watchDuty: WatchDuty;
  readonly gossip: Gossip;
  readonly seeds: Seeds;
  readonly refusedSources = new RefusedSources();
  readonly topology: Topology;
  readonly control: ControlDispatcher;
  readonly relaying: Relaying;
  readonly outcomes: HandshakeOutcomes;
  readonly emit: MeshHooks['emit'];
  readonly #advancePeer: MeshHooks['advancePeer'];
  readonly #dialer: Dialer;
  #probeId = 0;
  #hasGivenAdvert = false;

  constructor(options: MeshOptions, hooks: MeshHooks) {
    const { identity, random } = options;
    this.emit = (effect) => {
      const addressed = this.relaying.addressed(effect);
      if (addressed !== null) hooks.emit(addressed);
    };
    this.#advancePeer = hooks.advancePeer;
    this.notices = new Notices(this.emit);
    const nameOf = (id: NodeId): string => this.peerTable.members.get(id)?.name ?? id;
    this.conduct = new Conduct({ counters: this.counters, notices: new Notices(this.emit), nameOf });
    this.secrets = new ClusterSecrets(options.clusterSecrets);
    this.self = new SelfAdvert(identity, options.self, random, options.wallClockMs, () => ({
      lowestStamp: this.handshakes?.voidOpen() ?? 0,
      secretIds: this.secrets.ids,
    }));
    this.authority = new Authority({ isNeeded: options.needsAuthority, random, emit: this.emit });
    this.slots = new SessionSlots(random);
    const { cachedStamps, cachedAdverts, wallClockMs } = options;
    // The own advert is among them.
    this.witness = new Witness(cachedStamps.firstHeard, cachedAdverts.length > 1, wallClockMs);
    this.revocations = this.#makeRevocations(identity);
    this.revocations.recall(cachedStamps.revocations ?? []);
    this.stamps = new InitiationStamps(options.cachedStamps, options.wallClockMs, () => this.peerTable.stampsChanged());
    this.handshakes = this.#makeHandshakes(options);
    this.#dialer = new Dialer({ handshakes: this.handshakes, random, emit: this.emit });
    this.topology = new Topology(identity.id);
    this.peerTable = this.#makePeerTable(options);
    this.relaying = this.#makeRelaying(options);
    this.revocationSpread = this.#makeRevocationSpread(identity.id, random);
    this.nodeChanges = this.#makeNodeChanges(random);
    this.watchDuty = this.#makeWatchDuty(options);
    this.deaths = this.#makeDeaths(options);
    this.gossip = this.#makeGossip(random);
    this.seeds = this.#makeSeeds(options);
    this.control = this.#makeControl(random);
    this.outcomes = this.#makeOutcomes(identity.id);
  }

  #makeHandshakes({ identity, random, cipherPreference }: MeshOptions): Handshakes {
    const deps = {
      identity,
      random,
      clusterSecrets: this.secrets,
      advert: () => this.#advertToGive(),
      ciphers: () => preferCipher(this.router.ciphers, cipherPreference),
      features: () => (this.router.keepsEarly ? [EARLY_FRAMES] : []),
      stamps: this.stamps,
      lastStamp: () => this.stamps.last,
      member: (id: NodeId) => this.peerTable.members.get(id),
      memberAddresses: () => memberAddresses(this.peerTable.members.all(), this.peerTable.peers.values()),
      isWayTo: (address: SocketAddress, id: NodeId) => this.relaying.paths.routeAt(address, id) !== null,
    };
    return new Handshakes(deps, this.slots);
  }

  /**
   * The own advert, for another node. When it leaves this node for the first time, it voids the open initiations that were sent
   * before it: the second one that would do so otherwise would soon follow it to every member.
   */
  #advertToGive(): Uint8Array {
    if (!this.#hasGivenAdvert && this.handshakes.hasOpen) {
      this.self.replace();
      this.peerTable.selfChanged();
    }
    this.#hasGivenAdvert = true;
    return this.self.current.bytes;
  }

  #makePeerTable({ identity, random, underlay, clusterCidrs, needsAuthority }: MeshOptions): PeerTable {
    const { self, counters, notices, slots, emit } = this;
    return new PeerTable({
      self,
      clusterCidrs,
      counters,
      notices,
      conduct: this.conduct,
      witness: this.witness,
      peer: {
        ownId: identity.id,
        random,
        dialer: this.#dialer,
        slots,
        underlay,
        emit,
        nextProbeId: () => this.#nextProbeId(),
        routeAt: (address, peer) => this.relaying.paths.routeAt(address, peer),
        channelsTo: (id) => this.relaying.paths.channelsTo(id),
        carriesOthers: (id) => this.relaying.needs(id),
        noteLag: (lagMs, nowMs) => this.health.note(lagMs, nowMs),
        graceMs: (nowMs) => this.health.graceMs(nowMs),
        hasMet: (id) => this.stamps.hasMet(id),
      },
      authority: this.authority,
      isRevoked: (id) => this.revocations.isRevoked(id) || this.authority.isRefused(id),
      hasStarted: () => this.router.hasBeenUp,
      // An authority that is needed has been asked: the CIDRs follow its answer.
      claimedOutside: (name, nowMs) => needsAuthority || this.nodeChanges.claimedOutside(name, nowMs),
      broadcastAdvert: (advert, from) => this.gossip.broadcast(advert, from),
      linkChanged: (peer, before, nowMs) => this.deaths.linkChanged(peer, before, nowMs),
      advertLearned: (advert, nowMs) => this.deaths.advertLearned(advert, nowMs),
      compareAdverts: (peer, nowMs) => this.gossip.linkedWith(peer, nowMs),
      advancePeer: this.#advancePeer,
      considerRelays: (peer, nowMs) => this.relaying.consider(peer, nowMs),
      forgotten: (id, nowMs) => this.relaying.forgotten(id, nowMs),
    });
  }

  #nextProbeId(): number {
    this.#probeId = (this.#probeId + 1) >>> 0;
    return this.#probeId;
  }

  #makeRelaying({ identity, random }: MeshOptions): Relaying {
    const { peerTable, conduct, emit } = this;
    return new Relaying({
      ...{ ownId: identity.id, random, conduct, emit, peers: peerTable.peers },
      isMember: (id) => peerTable.members.get(id) !== undefined,
      open: (id, nowMs) => peerTable.open(id, nowMs, nowMs + RELAY_SEARCH_MS),
      nextProbeId: () => this.#nextProbeId(),
      schedule: (peer, nowMs) => peerTable.schedule(peer, nowMs),
    });
  }

  /** A member that has come lately decides nothing. A node that has just joined cannot know, and believes. */
  #makeRevocations(identity: NodeIdentity): Revocations {
    const { secrets, witness } = this;
    return new Revocations({
      identity,
      secrets,
      wallClockMs: (nowMs) => witness.wallClockMs(nowMs),
      mayDecide: (id, nowMs) =>
        this.peerTable.members.get(id) === undefined ? !witness.isWitness(nowMs) : !witness.isNewcomer(id, nowMs),
    });
  }

  #makeRevocationSpread(ownId: NodeId, random: RandomSource): RevocationSpread {
    const { revocations, peerTable, conduct, notices } = this;
    const send = (peer: NodeId, bytes: Uint8Array): void => this.emit({ type: 'sendControl', peer, bytes });
    return new RevocationSpread({ ownId, revocations, peerTable, random, conduct, notices, send });
  }

  #makeNodeChanges(random: RandomSource): NodeChanges {
    const { authority, peerTable } = this;
    return new NodeChanges({
      random,
      memberCount: () => peerTable.members.size,
      named: (name) => peerTable.livingNamed(name),
      linkedPeers: () => peerTable.linked(),
      send: (peer, bytes) => this.emit({ type: 'sendControl', peer, bytes }),
      reconsider: (name) => authority.reconsider(name),
      ask: (advert, nowMs) => authority.doubt(advert, nowMs),
    });
  }

  #makeWatchDuty({ identity, needsAuthority }: MeshOptions): WatchDuty {
    const { peerTable, emit } = this;
    return new WatchDuty({ ownId: identity.id, isNeeded: needsAuthority, living: () => peerTable.living(), emit });
  }

  #makeDeaths({ identity, random }: MeshOptions): Deaths {
    const { peerTable, self, conduct, notices, witness, authority } = this;
    const { members, peers, neighbourhood } = peerTable;
    return new Deaths({
      ...{ identity, random, conduct, notices, members, peers, neighbourhood },
      peerOf: (id, nowMs) => peerTable.peerOf(id, nowMs),
      ownAdvert: () => self.current,
      isTrusted: (observer, nowMs) => !witness.isNewcomer(observer.id, nowMs) && authority.hasNamed(observer),
      renewSelf: () => self.renew(),
      send: (peer, bytes) => this.emit({ type: 'sendControl', peer, bytes }),
      advancePeer: this.#advancePeer,
    });
  }

  #makeGossip(random: RandomSource): Gossip {
    const deps = {
      linkedPeers: () => this.peerTable.neighbourhood.linked(),
      adverts: () => this.peerTable.currentAdverts(),
      hasLeft: (id: NodeId) => this.peerTable.peers.get(id)?.hasLeft === true,
      ownAdvert: () => this.self.current,
      send: (peer: NodeId, bytes: Uint8Array) => this.emit({ type: 'sendControl', peer, bytes }),
      digestSent: (peer: NodeId, nowMs: number) => {
        this.deaths.remind(peer, nowMs);
        this.revocationSpread.remind(peer);
        this.nodeChanges.remind(peer, nowMs);
      },
    };
    return new Gossip(this.peerTable.members, deps, random);
  }

  #makeSeeds({ underlay, random }: MeshOptions): Seeds {
    const { peerTable } = this;
    return new Seeds({
      dialer: this.#dialer,
      underlay,
      random,
      isMember: (id) => peerTable.members.get(id) !== undefined,
      forgottenCount: () => peerTable.members.forgottenCount,
      isLinked: (id) => peerTable.peers.get(id)?.isLinked === true,
      linkedAt: (address) => peerTable.linkedAt(address),
      memberAt: (address) => peerTable.memberAt(address),
      memberCount: () => peerTable.members.size,
      open: (id, nowMs) => peerTable.open(id, nowMs),
      resolved: () => this.handshakes.hasOpen && this.self.renew(),
    });
  }

  #makeControl(random: RandomSource): ControlDispatcher {
    const { gossip, topology, counters, conduct, peerTable, nodeChanges } = this;
    return new ControlDispatcher({
      gossip,
      topology,
      peers: peerTable.peers,
      random,
      counters,
      conduct,
      send: (peer, bytes) => this.emit({ type: 'sendControl', peer, bytes }),
      learnAdverts: (encoded, from, nowMs) => peerTable.learnEncodedAdverts(encoded, from, nowMs),
      learnNodeChanges: (changes, nowMs) => nodeChanges.learn(changes, nowMs),
      learnDeaths: (reports, from, nowMs) => this.deaths.receive(reports, from, nowMs),
      learnRevocations: (encoded, from, nowMs) => this.revocationSpread.receive(encoded, from, nowMs),
      relayMessage: (message, from, nowMs) => this.relaying.receive(from, message, nowMs),
    });
  }

  #makeOutcomes(ownId: NodeId): HandshakeOutcomes {
    const { authority, router, slots, peerTable, seeds, refusedSources, counters, notices, emit } = this;
    const advancePeer = this.#advancePeer;
    const parts = { ownId, authority, router, slots, peerTable, seeds, refusedSources, counters, notices };
    return new HandshakeOutcomes({ ...parts, emit, advancePeer });
  }
}
