/**
 * The agent: joins the parts that decide. What each part does is its own; what is here is who tells whom, and in which
 * order they start and stop.
 *
 * ```
 *  state, underlay -> CNI socket -> control plane, router connection -> host network -> pods
 *                                                                  -> API
 * ```
 */
import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { CommandRunner } from '../common/host/command.js';
import type { Config } from '../common/config.js';
import type { Disk } from '../common/storage/disk.js';
import { messageOf } from '../common/errors.js';
import type { Logger } from '../common/log.js';
import { podMtuFor } from '../common/wire/overhead.js';
import {
  CniService,
  ConfInstaller,
  MAX_REQUEST_BYTES,
  replayDeferredDeletes,
  sweepDeferredDeletes,
  VethPodNetwork,
} from '../cni/index.js';
import type { LiveAttachment, Unreadiness } from '../cni/index.js';
import type { LostClaim } from '../mesh/index.js';
import { startApi } from './api/index.js';
import { ApiKeeper } from './api/api-keeper.js';
import { AgentApiSource } from './api/node-source.js';
import type { Clock } from '../common/clock.js';
import { CniServer } from './cni-server.js';
import { attachObstacle } from './api/conditions.js';
import { keepConfigRecord } from './config/config-record.js';
import { ControlPlane } from './control-plane/control-plane.js';
import { bridgeMac } from './control-plane/forwarding-tables.js';
import { HostKeeper } from './host-network/host-keeper.js';
import { loadNodeState } from './control-plane/node-state.js';
import type { StopReason } from './control-plane/mesh-driver.js';
import type { NodeState } from './control-plane/node-state.js';
import { NoticeLog } from '../common/notice-log.js';
import { PodKeeper } from './pod-keeper.js';
import type { RouterReport } from './control-plane/router-client.js';
import { connectRouter } from './control-plane/router-socket.js';
import { cniSocket, deferredDeleteFolder, formerDeferredDeleteFolder, routerSocket } from '../common/host/run-files.js';
import { SeedResolver, systemResolver } from './control-plane/seed-resolver.js';
import { underlayMtu } from './control-plane/underlay.js';
import { UnderlayWatch } from './control-plane/underlay-watch.js';

/** The static relay, or the one for Node where no compiler was at build time. */
const CNI_EXECUTABLES = ['heddle-cni', 'heddle-cni.js'];
/** How long after somebody last looked at the topology the peers are asked for their links. */
const TOPOLOGY_WANTED_MS = 6_000;

export interface AgentSurroundings {
  readonly config: Config;
  /** Where the built programs and the page lie. */
  readonly programFolder: string;
  readonly commands: CommandRunner;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly log: Logger;
}

export class Agent {
  readonly #notices: NoticeLog;
  readonly #control: ControlPlane;
  readonly #host: HostKeeper | null;
  readonly #cni: CniService;
  readonly #pods: PodKeeper<LiveAttachment>;
  readonly #cniServer: CniServer;
  readonly #api: ApiKeeper;
  readonly #source: AgentApiSource;
  readonly #podMtuBytes: number;

  private constructor(
    readonly surroundings: AgentSurroundings,
    readonly state: NodeState,
    readonly underlay: UnderlayWatch,
    underlayMtuBytes: number,
    notices: NoticeLog,
  ) {
    const { config } = surroundings;
    this.#notices = notices;
    this.#podMtuBytes = config.podMtu > 0 ? config.podMtu : podMtuFor(underlayMtuBytes);
    const nodeName = config.nodeName === '' ? hostname() : config.nodeName;
    this.#control = this.#createControlPlane(nodeName, underlayMtuBytes);
    this.#host = this.#createHostKeeper();
    this.#cni = this.#createCniService();
    this.#pods = this.#createPodKeeper();
    this.#cniServer = new CniServer({
      path: cniSocket(config),
      maxRequestBytes: MAX_REQUEST_BYTES,
      answer: (request) => this.#cni.answer(request),
      notices,
    });
    this.#source = this.#createApiSource(nodeName);
    this.#api = this.#createApi();
  }

  /**
   * Starts everything. Resolves when pods can be attached, or will be as soon as the conditions in `/readyz` are met.
   * Rejects with ConfigError or IdentityError, and with ListenError when another agent runs here.
   */
  static async start(surroundings: AgentSurroundings): Promise<Agent> {
    const { config, disk, clock, log, commands } = surroundings;
    const notices = new NoticeLog(log, clock);
    const state = await loadNodeState(config, disk, clock, log);
    let control: ControlPlane | null = null;
    const underlay = new UnderlayWatch({
      commands,
      filter: { ownInterfaces: [config.bridgeName, config.tapName], clusterCidrs: state.clusterCidrs },
      seeds: new SeedResolver(config.seeds, config.listenPort, systemResolver, notices),
      clock,
      notices,
      // What changes before there is an agent, the agent reads when it starts.
      onAddressesChanged: (addresses) => control?.addressesChanged(addresses),
      onSeedsChanged: (seeds) => control?.driver.feed({ type: 'seeds', seeds }),
    });
    await underlay.firstLook();
    const mtuBytes = config.underlayMtu > 0 ? config.underlayMtu : await underlayMtu(commands, underlay.seeds);
    const agent = new Agent(surroundings, state, underlay, mtuBytes, notices);
    control = agent.#control;
    await agent.#start();
    return agent;
  }

  /** Closes everything; what was made on the host stays, so that pods keep their network. */
  async stop(reason: StopReason): Promise<void> {
    this.underlay.stop();
    await Promise.all([this.#cniServer.stop(), this.#pods.stop(), this.#host?.stop(), this.#api.stop()]);
    await this.#control.stop(reason);
  }

  async #start(): Promise<void> {
    const { config, log } = this.surroundings;
    const { identity, podCidrs, clusterCidrs } = this.state;
    log.info({ node: identity.id, podCidrs, clusterCidrs, podMtuBytes: this.#podMtuBytes }, 'agent starts');
    await this.#cniServer.start();
    await this.#keepRecord();
    this.#control.start();
    this.underlay.start();
    await Promise.all([this.#api.start(), this.#startPods()]);
    log.info({ cni: cniSocket(config), conditions: this.#failedConditions() }, 'agent is running');
  }

  /** Without it a node works all the same. */
  async #keepRecord(): Promise<void> {
    const { config, disk, log } = this.surroundings;
    try {
      await keepConfigRecord(disk, config);
    } catch (thrown) {
      log.warn({ error: messageOf(thrown) }, 'the configuration could not be recorded for meshctl uninstall');
    }
  }

  /** Pods that fell off the bridge can only be put back once there is a bridge. */
  async #startPods(): Promise<void> {
    await this.#host?.start();
    await this.#pods.start();
  }

  #createControlPlane(nodeName: string, underlayMtuBytes: number): ControlPlane {
    const { config, clock } = this.surroundings;
    return new ControlPlane({
      config,
      nodeName,
      state: this.state,
      underlay: this.underlay,
      underlayMtuBytes,
      clock,
      notices: this.#notices,
      openRouter: connectRouter(routerSocket(config)),
      onReport: (report) => this.#routerReported(report),
      onRouterChanged: () => this.#routerChanged(),
      onLostClaims: (claims) => void this.#claimsLost(claims),
      onChange: () => this.#source.changed(),
    });
  }

  #createHostKeeper(): HostKeeper | null {
    const { config, commands, clock } = this.surroundings;
    const { podCidrs, clusterCidrs } = this.state;
    const mac = bridgeMac(podCidrs);
    if (mac === null) return null;
    const { bridgeName, tapName, stateDir, masquerade } = config;
    const spec = {
      bridgeName,
      bridgeMac: mac,
      stateDir,
      tapName,
      podMtuBytes: this.#podMtuBytes,
      podCidrs,
      clusterCidrs,
      masquerade,
    };
    return new HostKeeper({ commands, spec, clock, notices: this.#notices, onChange: () => this.#hostChanged() });
  }

  #createCniService(): CniService {
    const { config, commands, clock, log } = this.surroundings;
    const { ipam, endpoints, clusterCidrs } = this.state;
    return new CniService({
      addresses: ipam,
      network: new VethPodNetwork(commands),
      endpoints,
      settings: () => ({ bridge: config.bridgeName, podMtuBytes: this.#podMtuBytes, clusterCidrs }),
      readiness: () => this.#unreadiness(),
      announce: () => this.#control.endpointsChanged(),
      wallTime: () => clock.wallTime(),
      log,
    });
  }

  #createPodKeeper(): PodKeeper<LiveAttachment> {
    const { config, disk, clock, log } = this.surroundings;
    const spools = [deferredDeleteFolder(config), formerDeferredDeleteFolder(config)];
    const installer = this.#createInstaller();
    return new PodKeeper({
      replayDeferredDeletes: async () => {
        for (const spool of spools) await sweepDeferredDeletes(disk, spool, clock.wallTime().getTime());
        await replayDeferredDeletes(disk, spools, (request, asOfMs) => this.#cni.handle(request, asOfMs), log);
      },
      liveAttachments: () => this.#cni.reconcile(),
      reconcileAddresses: (live) => this.state.ipam.reconcile(live),
      canInstall: () => this.#unreadiness() === null,
      installCni: () => installer.install(),
      clock,
      notices: this.#notices,
      onReconciled: () => this.#source.changed(),
    });
  }

  #createInstaller(): ConfInstaller {
    const { config, disk, programFolder } = this.surroundings;
    return new ConfInstaller(disk, {
      confDir: config.cniConfDir,
      binDir: config.cniBinDir,
      executable:
        CNI_EXECUTABLES.map((name) => join(programFolder, name)).find(existsSync) ?? join(programFolder, 'heddle-cni'),
      cniVersion: config.cniVersion,
      socketPath: cniSocket(config),
      spoolDirectory: deferredDeleteFolder(config),
    });
  }

  #createApiSource(name: string): AgentApiSource {
    const { config, clock } = this.surroundings;
    const { identity, podCidrs, clusterCidrs, ipam } = this.state;
    return new AgentApiSource({
      config,
      id: identity.id,
      name,
      publicKey: identity.publicKey,
      podMtuBytes: this.#podMtuBytes,
      podCidrs,
      clusterCidrs,
      clock,
      mesh: this.#control.mesh,
      router: () => this.#control.router.router,
      underlayAddresses: () => this.underlay.addresses,
      hostProblems: () => this.#host?.problems ?? null,
      podsReconciled: () => this.#pods.reconciled,
      endpoints: () => this.#cni.endpoints().map((record) => ({ ...record, ips: [...record.ips] })),
      addressUsage: () => ipam.usage(),
      ownCounters: () => ({
        cni_requests_refused: this.#cniServer.refused,
        host_network_repairs: this.#host?.repairs ?? 0,
        mesh_faults: this.#control.driver.faults,
      }),
    });
  }

  #createApi(): ApiKeeper {
    const { config, clock, log, programFolder } = this.surroundings;
    return new ApiKeeper({
      start: () =>
        startApi({
          source: this.#source,
          socketPath: config.apiSocket,
          address: config.apiAddress,
          port: config.apiPort,
          webRoot: join(programFolder, 'web'),
          logger: log,
          onTopologyWatched: () => this.#topologyWatched(),
        }),
      clock,
      notices: this.#notices,
    });
  }

  #routerReported(report: RouterReport): void {
    if (report.type === 'counters') this.#source.countersChanged(report);
  }

  #routerChanged(): void {
    this.#pods.nudge();
    void this.#host?.reconcile();
    this.#source.changed();
  }

  #hostChanged(): void {
    this.#pods.nudge();
    this.#source.changed();
  }

  async #claimsLost(claims: readonly LostClaim[]): Promise<void> {
    this.surroundings.log.warn({ claims }, 'pod CIDRs of this node that others own too');
    await this.state.ipam.stopAllocatingFrom(claims.map(({ cidr }) => cidr));
    this.#source.changed();
  }

  #topologyWatched(): void {
    const { clock } = this.surroundings;
    this.#control.driver.feed({ type: 'topologyWanted', untilMs: clock.nowMs() + TOPOLOGY_WANTED_MS });
  }

  /** 51 when pods that are attached already suffer too (CNI spec 1.1.0, STATUS). */
  #unreadiness(): Unreadiness | null {
    const message = attachObstacle(this.#source.conditions());
    if (message === null) return null;
    return { code: this.#control.router.router === null ? 51 : 50, message };
  }

  #failedConditions(): string[] {
    return this.#source
      .conditions()
      .filter(({ ok }) => !ok)
      .map(({ name }) => name);
  }
}
