/**
 * Control plane of the node: mesh core, its driver, the connection to the router, and the forwarding tables that follow
 * from the core's state. Tables are first pushed after a router's hello; the core then knows the cached adverts and the
 * endpoints are loaded, so an agent that restarts removes nothing.
 */
import type { Cidr } from '../../common/address/cidr.js';
import { HEDDLE_VERSION } from '../../common/version.js';
import { Mesh } from '../../mesh/index.js';
import type { LostClaim, SelfDescription } from '../../mesh/index.js';
import type { Clock } from '../../common/clock.js';
import { computeTables, TablesPublisher } from './forwarding-tables.js';
import { MeshDriver } from './mesh-driver.js';
import type { AuthorityQuestion } from './mesh-driver.js';
import type { StopReason } from './mesh-driver.js';
import { narrowCidrs } from './narrow-cidrs.js';
import type { NarrowCidr } from './narrow-cidrs.js';
import type { NodeState } from './node-state.js';
import { sameSecrets } from '../settings/node-settings.js';
import type { NodeSettings } from '../settings/node-settings.js';
import type { PodCidrs } from '../pod-cidrs.js';
import { openTrust } from '../trust/open-trust.js';
import type { NodeAuthority, TrustSource } from '../trust/trust-source.js';
import type { NoticeLog } from '../../common/notice-log.js';
import { SpacedTask } from '../../common/spaced-task.js';
import { podNameOf } from '../pod-name.js';
import { RouterClient } from './router-client.js';
import type { RouterHello, RouterReport } from './router-client.js';
import type { OpenRouterStream } from './router-socket.js';
import { systemRandom } from './system-random.js';
import { advertisedEndpoints } from './underlay.js';
import type { UnderlayWatch } from './underlay-watch.js';

/** Time after the last look at the topology during which peers are asked for their links. */
const TOPOLOGY_WANTED_MS = 6_000;
/** Between two computations of the router's tables while links come up: each is the work of all members. */
const ROUTES_INTERVAL_MS = 100;

export interface ControlPlaneDeps {
  /** In force now. */
  readonly settings: () => NodeSettings;
  readonly podCidrs: PodCidrs;
  readonly podMtuBytes: () => number;
  /** Kubernetes; null where there is none. */
  readonly authority: NodeAuthority | null;
  readonly state: NodeState;
  readonly underlay: UnderlayWatch;
  readonly clock: Clock;
  readonly notices: NoticeLog;
  readonly openRouter: OpenRouterStream;
  readonly onReport: (report: RouterReport) => void;
  /** The router came or went. */
  readonly onRouterChanged: () => void;
  readonly onLostClaims: (claims: readonly LostClaim[]) => void;
  /** What {@link ControlPlane.narrowCidrs} says changed. */
  readonly onNarrowCidrs: () => void;
  /** Anything that people look at may have changed. */
  readonly onChange: () => void;
}

export class ControlPlane {
  readonly mesh: Mesh;
  readonly driver: MeshDriver;
  readonly router: RouterClient;
  readonly #trust: TrustSource;
  readonly #tables: TablesPublisher;
  readonly #routes: SpacedTask;
  #lostClaims = '[]';
  #narrowCidrs = '[]';
  #secrets: readonly Uint8Array[];
  #endNodeWatch: () => void = () => undefined;

  constructor(readonly deps: ControlPlaneDeps) {
    const { clock, notices, state, podCidrs, settings } = deps;
    this.#secrets = settings().clusterSecrets;
    this.#trust = openTrust(settings(), {
      self: state.identity.id,
      kubernetes: deps.authority,
      log: notices.log,
    });
    this.mesh = this.#createMesh();
    this.#tables = new TablesPublisher({
      compute: () =>
        computeTables({
          podCidrs: podCidrs.served,
          pods: state.endpoints.list().flatMap(({ ips }) => ips),
          routes: this.mesh.routes(),
          self: state.identity.id,
        }),
      send: (command) => this.router.sendConfirmed(command),
    });
    this.#routes = new SpacedTask({ clock, intervalMs: ROUTES_INTERVAL_MS, run: () => this.#applyRoutes() });
    this.driver = new MeshDriver({
      core: this.mesh,
      clock,
      notices,
      sendToRouter: (command) => {
        if (command.type === 'removePeer') this.#tables.peerRemoved(command.peer);
        this.router.send(command);
      },
      onRoutesChanged: () => this.#routes.request(),
      onAdvertsChanged: () => {
        state.adverts.changed(() => ({ adverts: this.mesh.adverts(), stamps: this.mesh.stamps() }));
        // The pod MTU of a peer is part of its routes.
        this.#routes.request();
      },
      onHandled: deps.onChange,
      askAuthority: (question) => void this.#askAuthority(question),
      watchNodes: (isWanted) => this.#watchNodes(isWanted),
    });
    this.router = new RouterClient({
      open: deps.openRouter,
      clock,
      notices,
      onHello: (hello) => this.#routerConnected(hello),
      onReport: (report) => this.#report(report),
      onDisconnected: () => this.#routerDisconnected(),
    });
  }

  start(): void {
    for (const named of this.#trust.remembered) {
      this.driver.feed({ type: 'authorityAnswered', ...named, isFresh: false });
    }
    this.driver.feed({ type: 'seeds', seeds: this.deps.underlay.seeds });
    this.#describePods();
    this.router.start();
  }

  /** Resolves when the router has been given all that was said, the goodbye of a node that leaves included. */
  async stop(reason: StopReason): Promise<void> {
    this.driver.stop(reason);
    this.#endNodeWatch();
    this.#routes.stop();
    await Promise.all([this.router.stop(), this.deps.state.adverts.flush()]);
  }

  /** The pods of this node changed. Resolves when the router has been given them, at once when there is no router. */
  async endpointsChanged(): Promise<void> {
    this.#describePods();
    await this.#tables.publish();
    this.deps.onChange();
  }

  /** Settings, served CIDRs or addresses of this host changed: tells the peers and the router. */
  settingsChanged(): void {
    const { clusterCidrs, clusterSecrets } = this.deps.settings();
    this.driver.feed({ type: 'clusterCidrs', cidrs: clusterCidrs });
    for (const answer of this.#trust.useSettings(this.deps.settings())) {
      this.driver.feed({ type: 'authorityAnswered', ...answer, isFresh: true });
    }
    if (!sameSecrets(clusterSecrets, this.#secrets)) {
      this.#secrets = clusterSecrets;
      this.driver.feed({ type: 'clusterSecrets', secrets: clusterSecrets });
    }
    this.selfChanged();
    void this.#tables.publish();
  }

  /** Pod CIDRs of peers whose pods take smaller packets than this node's. */
  narrowCidrs(): NarrowCidr[] {
    return narrowCidrs(this.mesh.routes(), this.deps.state.identity.id, this.deps.podMtuBytes());
  }

  /** What this node's advert says changed. */
  selfChanged(): void {
    this.driver.feed({ type: 'self', self: this.#describeSelf() });
  }

  /** With it the pod MTU, which the advert says. */
  underlayMtuChanged(): void {
    this.driver.feed({ type: 'underlayMtu' });
    this.selfChanged();
  }

  /** Somebody looks at the topology. */
  topologyWanted(): void {
    this.driver.feed({ type: 'topologyWanted', untilMs: this.deps.clock.nowMs() + TOPOLOGY_WANTED_MS });
  }

  #createMesh(): Mesh {
    const { settings, state, underlay, clock } = this.deps;
    const { config, clusterSecrets, clusterCidrs } = settings();
    return new Mesh({
      identity: state.identity,
      self: this.#describeSelf(),
      clusterSecrets,
      clusterCidrs,
      random: systemRandom,
      underlay: {
        get mtuBytes() {
          return underlay.mtuBytes;
        },
        get ownAddresses() {
          return underlay.addresses;
        },
      },
      cachedAdverts: state.known.adverts,
      cachedStamps: state.known.stamps,
      wallClockMs: clock.wallTime().getTime(),
      cipherPreference: config.cipher,
      needsAuthority: this.#trust.isRequired,
    });
  }

  #describeSelf(): SelfDescription {
    const { settings, podCidrs, underlay } = this.deps;
    const { config, nodeName } = settings();
    return {
      name: nodeName,
      version: HEDDLE_VERSION,
      endpoints: advertisedEndpoints(underlay.addresses, config.listenAddress, config.listenPort),
      podCidrs: podCidrs.claimed,
      podMtuBytes: this.deps.podMtuBytes(),
    };
  }

  async #askAuthority({ node, name, publicKey }: AuthorityQuestion): Promise<void> {
    const podCidrs = await this.#trust.ask(node, name, publicKey);
    if (podCidrs === undefined) return;
    this.driver.feed({ type: 'authorityAnswered', node, name, podCidrs, isFresh: true });
  }

  #watchNodes(isWanted: boolean): void {
    this.#endNodeWatch();
    this.#endNodeWatch = () => undefined;
    const { watch } = this.#trust;
    if (watch === null) return;
    this.deps.notices.log.info(
      isWanted ? 'this node watches all Nodes for the others' : 'other nodes watch all Nodes now',
    );
    if (isWanted) this.#endNodeWatch = watch((change) => this.driver.feed({ type: 'nodeChanged', change }));
  }

  /** For the nodes that look at the topology. */
  #describePods(): void {
    const pods = this.deps.state.endpoints.list().map((record) => ({ name: podNameOf(record), ips: record.ips }));
    this.driver.feed({ type: 'localPods', pods });
  }

  #routerConnected(hello: RouterHello): void {
    const { instance, ciphers, tapName, paths, sessions, relaying, earlyFrames = false } = hello;
    this.deps.notices.log.info({ instance, tap: tapName, sessions: sessions.length }, 'connected to the router');
    this.#tables.routerConnected(hello.generation, hello.takesTablesChanges === true);
    if (hello.reportsChanges === true) this.router.send({ type: 'reportChanges' });
    const held = relaying === undefined ? {} : { relaying };
    this.driver.feed({ type: 'routerConnected', instance, ciphers, paths, sessions, earlyFrames, ...held });
    void this.#tables.publish();
    this.deps.onRouterChanged();
  }

  #routerDisconnected(): void {
    this.driver.feed({ type: 'routerDisconnected' });
    this.deps.onRouterChanged();
  }

  #report(report: RouterReport): void {
    this.deps.onReport(report);
    if (report.type === 'counters') {
      this.driver.feed({ type: 'counters', peers: report.peers, sessions: report.sessions });
    } else {
      this.driver.feed(report);
    }
  }

  /** Resolves when the router has the tables, or is not there. */
  #applyRoutes(): Promise<boolean> {
    this.#yieldWithdrawn();
    this.#compareNarrowCidrs();
    const delivered = this.#tables.publish();
    const lost = this.mesh.lostClaims();
    const fingerprint = JSON.stringify(lost);
    if (fingerprint !== this.#lostClaims) {
      this.#lostClaims = fingerprint;
      this.deps.onLostClaims(lost);
    }
    return delivered;
  }

  #compareNarrowCidrs(): void {
    const fingerprint = JSON.stringify(this.narrowCidrs());
    if (fingerprint === this.#narrowCidrs) return;
    this.#narrowCidrs = fingerprint;
    this.deps.onNarrowCidrs();
  }

  /** A withdrawn CIDR belongs to another node that claims it. */
  #yieldWithdrawn(): void {
    const { state, podCidrs } = this.deps;
    const others = this.mesh.routes().filter(({ owner, conflict }) => owner !== state.identity.id || conflict !== null);
    if (podCidrs.yieldTo(others.map(({ cidr }): Cidr => cidr))) this.selfChanged();
  }
}
