/**
 * The mesh core at work: the core, the driver that runs it, the connection to the router, and the tables that follow
 * from what the core decides. Owns how these four are joined. Tables are first pushed when a router says hello, and by
 * then the core knows the cached adverts and the endpoints are loaded: an agent that restarts wipes nothing.
 */
import type { Config } from '../../common/config.js';
import type { IpAddress } from '../../common/address/ip-address.js';
import type { LocalEndpoint } from '../../common/router-port.js';
import { HEDDLE_VERSION } from '../../common/version.js';
import { Mesh } from '../../mesh/index.js';
import type { LostClaim, SelfDescription } from '../../mesh/index.js';
import type { Clock } from '../../common/clock.js';
import { computeTables, TablesPublisher } from './forwarding-tables.js';
import { MeshDriver } from './mesh-driver.js';
import type { StopReason } from './mesh-driver.js';
import type { NodeState } from './node-state.js';
import type { NoticeLog } from '../../common/notice-log.js';
import { podNameOf } from '../pod-name.js';
import { RouterClient } from './router-client.js';
import type { RouterHello, RouterReport } from './router-client.js';
import type { OpenRouterStream } from './router-socket.js';
import { systemRandom } from './system-random.js';
import { advertisedEndpoints } from './underlay.js';
import type { UnderlayWatch } from './underlay-watch.js';

export interface ControlPlaneOptions {
  readonly config: Config;
  readonly nodeName: string;
  readonly state: NodeState;
  readonly underlay: UnderlayWatch;
  readonly underlayMtuBytes: number;
  readonly clock: Clock;
  readonly notices: NoticeLog;
  readonly openRouter: OpenRouterStream;
  readonly onReport: (report: RouterReport) => void;
  /** The router came or went. */
  readonly onRouterChanged: () => void;
  readonly onLostClaims: (claims: readonly LostClaim[]) => void;
  /** Anything that people look at may have changed. */
  readonly onChange: () => void;
}

export class ControlPlane {
  readonly mesh: Mesh;
  readonly driver: MeshDriver;
  readonly router: RouterClient;
  readonly #tables: TablesPublisher;
  #lostClaims = '[]';

  constructor(readonly options: ControlPlaneOptions) {
    const { clock, notices, state } = options;
    this.mesh = this.#createMesh();
    this.#tables = new TablesPublisher({
      compute: () =>
        computeTables({
          clusterCidrs: state.clusterCidrs,
          podCidrs: state.podCidrs,
          pods: this.#pods(),
          routes: this.mesh.routes(),
          self: state.identity.id,
        }),
      send: (command) => this.router.sendConfirmed(command),
    });
    this.driver = new MeshDriver({
      core: this.mesh,
      clock,
      notices,
      sendToRouter: (command) => void this.router.send(command),
      onRoutesChanged: () => this.#routesChanged(),
      onAdvertsChanged: () => state.adverts.changed(() => this.mesh.adverts()),
      onHandled: options.onChange,
    });
    this.router = new RouterClient({
      open: options.openRouter,
      clock,
      notices,
      onHello: (hello) => this.#routerConnected(hello),
      onReport: (report) => this.#report(report),
      onDisconnected: () => this.#routerDisconnected(),
    });
  }

  start(): void {
    this.driver.feed({ type: 'seeds', seeds: this.options.underlay.seeds });
    this.#describePods();
    this.router.start();
  }

  /** Resolves when the router has been given all that was said, the goodbye of a node that leaves included. */
  async stop(reason: StopReason): Promise<void> {
    this.driver.stop(reason);
    await Promise.all([this.router.stop(), this.options.state.adverts.flush()]);
  }

  /** The pods of this node changed. Resolves when the router has been given them, at once when there is no router. */
  async endpointsChanged(): Promise<void> {
    this.#describePods();
    await this.#tables.publish();
    this.options.onChange();
  }

  addressesChanged(addresses: readonly IpAddress[]): void {
    this.driver.feed({ type: 'self', self: this.#describeSelf(addresses) });
  }

  #createMesh(): Mesh {
    const { config, state, underlay, underlayMtuBytes, clock } = this.options;
    return new Mesh({
      identity: state.identity,
      self: this.#describeSelf(underlay.addresses),
      clusterSecret: state.clusterSecret,
      clusterCidrs: state.clusterCidrs,
      random: systemRandom,
      underlay: {
        mtuBytes: underlayMtuBytes,
        get ownAddresses() {
          return underlay.addresses;
        },
      },
      cachedAdverts: state.cachedAdverts,
      wallClockMs: clock.wallTime().getTime(),
      cipherPreference: config.cipher,
    });
  }

  #describeSelf(addresses: readonly IpAddress[]): SelfDescription {
    const { config, nodeName, state } = this.options;
    return {
      name: nodeName,
      version: HEDDLE_VERSION,
      endpoints: advertisedEndpoints(addresses, config.listenAddress, config.listenPort),
      podCidrs: state.podCidrs,
    };
  }

  /** For the nodes that look at the topology. */
  #describePods(): void {
    const pods = this.options.state.endpoints.list().map((record) => ({ name: podNameOf(record), ips: record.ips }));
    this.driver.feed({ type: 'localPods', pods });
  }

  #pods(): LocalEndpoint[] {
    return this.options.state.endpoints.list().flatMap(({ ips, mac }) => ips.map((ip) => ({ ip, mac })));
  }

  #routerConnected(hello: RouterHello): void {
    const { instance, ciphers, tapName, paths, sessions } = hello;
    this.options.notices.log.info({ instance, tap: tapName, sessions: sessions.length }, 'connected to the router');
    this.#tables.routerConnected(hello.generation);
    this.driver.feed({ type: 'routerConnected', instance, ciphers, paths, sessions });
    void this.#tables.publish();
    this.options.onRouterChanged();
  }

  #routerDisconnected(): void {
    this.driver.feed({ type: 'routerDisconnected' });
    this.options.onRouterChanged();
  }

  #report(report: RouterReport): void {
    this.options.onReport(report);
    if (report.type === 'counters') {
      this.driver.feed({ type: 'counters', peers: report.peers, sessions: report.sessions });
    } else {
      this.driver.feed(report);
    }
  }

  #routesChanged(): void {
    void this.#tables.publish();
    const lost = this.mesh.lostClaims();
    const fingerprint = JSON.stringify(lost);
    if (fingerprint === this.#lostClaims) return;
    this.#lostClaims = fingerprint;
    this.options.onLostClaims(lost);
  }
}
