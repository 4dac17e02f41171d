/**
 * The agent: the parts that decide, joined. Here is which part hears of what, and in which order they start and stop.
 *
 * ```
 *  settings -> state, underlay -> CNI socket -> control plane, router connection -> host network -> pods
 *                                                                               -> API
 * ```
 */
import { join } from 'node:path';
import type { CommandRunner } from '../common/host/command.js';
import type { Cidr } from '../common/address/cidr.js';
import type { Disk } from '../common/storage/disk.js';
import type { Logger } from '../common/log.js';
import { podMtuFor } from '../common/wire/overhead.js';
import {
  CniService,
  ConfInstaller,
  MAX_REQUEST_BYTES,
  replayDeferredDeletes,
  sweepDeferredDeletes,
} from '../cni/index.js';
import type { LiveAttachment, Unreadiness } from '../cni/index.js';
import type { LostClaim } from '../mesh/index.js';
import { startApi } from './api/index.js';
import { ApiKeeper } from './api/api-keeper.js';
import { AgentApiSource } from './api/node-source.js';
import type { Clock } from '../common/clock.js';
import { cniInstallation } from './cni-installation.js';
import { CniServer } from './cni-server.js';
import { attachObstacle, statusObstacle, unmetNames } from './api/conditions.js';
import { ControlPlane } from './control-plane/control-plane.js';
import { HostKeeper } from './host-network/host-keeper.js';
import { ACCEPT_MARK } from './host-network/forward-accept.js';
import { GUARD_TABLE } from './host-network/guard-table.js';
import { NAT_TABLE } from './host-network/nat-table.js';
import { loadNodeState } from './control-plane/node-state.js';
import type { HostNetworkSpec } from './host-network/host-plan.js';
import { SettingsRecord } from './host-network/settings-record.js';
import type { StopReason } from './control-plane/mesh-driver.js';
import type { NodeState } from './control-plane/node-state.js';
import { startReports } from './orchestrator.js';
import type { Orchestrator } from './orchestrator.js';
import { NoticeLog } from '../common/notice-log.js';
import { PodKeeper } from './pod-keeper.js';
import { openPodNetwork } from './pod-network.js';
import { KernelEvents } from './kernel-events/index.js';
import type { WatchObjects } from './policy/cluster-objects.js';
import { POLICY_TABLE } from '../policy/index.js';
import { PolicySwitch } from './policy/policy-switch.js';
import type { RouterReport } from './control-plane/router-client.js';
import { directoryProblem, StateDisk } from './control-plane/state-disk.js';
import { connectRouter } from './control-plane/router-socket.js';
import { cniSocket, deferredDeleteFolder, formerDeferredDeleteFolder, routerSocket } from '../common/host/run-files.js';
import { SeedResolver, systemResolver } from './control-plane/seed-resolver.js';
import { UnderlayWatch } from './control-plane/underlay-watch.js';
import type { UnderlayChange } from './control-plane/underlay-watch.js';
import { PodCidrs } from './pod-cidrs.js';
import type { NodeSettings } from './settings/node-settings.js';
import { recordSettings } from './settings/settings-record.js';
import type { SettingsKeeper } from './settings/settings-keeper.js';

/** Calls that come while the agent starts wait this long for its first look at host and pods. */
const FIRST_LOOK_WITHIN_MS = 3_000;

export interface AgentDeps {
  readonly settings: SettingsKeeper;
  readonly orchestrator: Orchestrator | null;
  /** Null where there is no Kubernetes, and so no network policy. */
  readonly watchObjects: WatchObjects | null;
  /** Where the built programs and the page lie. */
  readonly programFolder: string;
  readonly commands: CommandRunner;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly log: Logger;
  /** Whether the supervisor gets no answers from the router. */
  readonly routerIsSilent: () => boolean;
}

export class Agent {
  readonly #notices: NoticeLog;
  readonly #podCidrs: PodCidrs;
  readonly #control: ControlPlane;
  readonly #host: HostKeeper;
  readonly #cni: CniService;
  readonly #installer: ConfInstaller;
  readonly #pods: PodKeeper<LiveAttachment>;
  readonly #kernelEvents: KernelEvents;
  readonly #policies: PolicySwitch;
  readonly #cniServer: CniServer;
  readonly #api: ApiKeeper;
  readonly #source: AgentApiSource;
  /** Resolves when host and pods have been looked at once, or that takes too long. */
  readonly #lookedAt: Promise<void>;
  #firstLookIsOver: () => void = () => undefined;
  /** The CIDRs that host, peers and router know. */
  #servedCidrs: readonly Cidr[];

  private constructor(
    readonly deps: AgentDeps,
    readonly state: NodeState,
    readonly stateDisk: StateDisk,
    readonly underlay: UnderlayWatch,
    readonly seeds: SeedResolver,
    notices: NoticeLog,
  ) {
    this.#notices = notices;
    this.#podCidrs = new PodCidrs({
      assigned: () => this.#settings.podCidrs,
      withdrawn: () => this.state.ipam.withdrawn,
    });
    this.#servedCidrs = this.#podCidrs.served;
    this.#control = this.#createControlPlane();
    this.#host = this.#createHostKeeper();
    this.#cni = this.#createCniService();
    this.#installer = new ConfInstaller(deps.disk, deps.commands, () =>
      cniInstallation(deps.programFolder, this.#settings.config),
    );
    this.#pods = this.#createPodKeeper();
    this.#kernelEvents = this.#createKernelEvents();
    this.#policies = this.#createPolicies();
    this.#lookedAt = new Promise((resolve) => (this.#firstLookIsOver = resolve));
    this.#cniServer = new CniServer({
      path: cniSocket(this.#settings.config),
      maxRequestBytes: MAX_REQUEST_BYTES,
      answer: (request) => this.#lookedAt.then(() => this.#cni.answer(request)),
      refuse: (request, reason) => this.#cni.refuse(request, reason),
      notices,
    });
    this.#source = this.#createApiSource();
    this.#api = this.#createApi();
  }

  /**
   * Starts everything. Resolves when pods can be attached, or will be as soon as the conditions in `/readyz` are met.
   * Rejects with IdentityError, and with ListenError when another agent runs here.
   */
  static async start(deps: AgentDeps): Promise<Agent> {
    const { settings, disk, clock, log, commands } = deps;
    const notices = new NoticeLog(log, clock);
    const { config } = settings.current;
    const { stateDir } = config;
    const stateDisk = new StateDisk({ disk, directory: stateDir, look: directoryProblem, clock });
    const state = await loadNodeState(settings.current, stateDisk.disk, clock, log);
    const seeds = new SeedResolver(config.seeds, config.listenPort, systemResolver, notices);
    let agent: Agent | null = null;
    const underlay = new UnderlayWatch({
      commands,
      filter: () => ({
        ownInterfaces: [config.bridgeName, config.tapName],
        clusterCidrs: settings.current.clusterCidrs,
      }),
      configuredMtuBytes: () => settings.current.config.underlayMtu,
      seeds,
      clock,
      notices,
      // A change before there is an agent is read by the agent when it starts.
      onChanged: (what) => (agent === null ? undefined : agent.#underlayChanged(what)),
    });
    await underlay.firstLook();
    agent = new Agent(deps, state, stateDisk, underlay, seeds, notices);
    await agent.#start();
    return agent;
  }

  /** Closes everything; what was made on the host stays, so that pods keep their network. */
  async stop(reason: StopReason): Promise<void> {
    this.underlay.stop();
    await Promise.all([
      this.deps.settings.stop(),
      this.#cniServer.stop(),
      this.#pods.stop(),
      this.#kernelEvents.stop(),
      this.#policies.stop(),
      this.#host.stop(),
      this.stateDisk.stop(),
      this.#api.stop(),
    ]);
    await this.#control.stop(reason);
  }

  /** A fact behind the conditions changed that no part of the agent notices. */
  conditionsChanged(): void {
    this.#source.changed();
  }

  get #settings(): NodeSettings {
    return this.deps.settings.current;
  }

  get #podMtuBytes(): number {
    const { podMtu } = this.#settings.config;
    return podMtu > 0 ? podMtu : podMtuFor(this.underlay.mtuBytes);
  }

  async #start(): Promise<void> {
    const { log, settings } = this.deps;
    const { config, podCidrs, clusterCidrs } = this.#settings;
    const facts = { node: this.state.identity.id, podCidrs, clusterCidrs, podMtuBytes: this.#podMtuBytes };
    log.info(facts, 'agent starts');
    await this.#cniServer.start();
    this.deps.clock.after(FIRST_LOOK_WITHIN_MS, () => this.#firstLookIsOver());
    await this.#recordSettings();
    const { ipam } = this.state;
    await this.stateDisk.start(
      () => ipam.rewrite(),
      () => this.#source.changed(),
    );
    // Peers compare the key before they link.
    startReports(this.deps, this.state.identity, () => this.#source.conditions());
    this.#control.start();
    this.underlay.start();
    settings.start({ prepare: (next) => this.#prepareSettings(next), applied: () => this.#settingsApplied() });
    await Promise.all([this.#api.start(), this.#startPods()]);
    log.info({ cni: cniSocket(config), conditions: unmetNames(this.#source.conditions()) }, 'agent is running');
  }

  #recordSettings(): Promise<void> {
    return recordSettings(this.deps.disk, this.#settings, this.deps.log);
  }

  /** Pods that fell off the bridge can only be put back once there is a bridge. */
  async #startPods(): Promise<void> {
    await this.#host.start();
    await this.#policies.start();
    this.#kernelEvents.start();
    await this.#pods.start();
    this.#firstLookIsOver();
  }

  /** The one thing that can fail: the allocator's record must be on disk. */
  async #prepareSettings(next: NodeSettings): Promise<void> {
    this.seeds.useSeeds(next.config.seeds);
    await this.state.ipam.useCidrs(next.podCidrs);
  }

  #settingsApplied(): void {
    this.#servedCidrs = this.#podCidrs.served;
    this.#control.settingsChanged();
    void this.underlay.look();
    void this.#host.reconcile();
    void this.#policies.settingsChanged();
    this.#pods.reinstall();
    void this.#recordSettings();
    this.#source.changed();
  }

  /** The last pod of a withdrawn CIDR may have gone: then host, peers and router are told. */
  #servedCidrsMayHaveChanged(): void {
    if (this.#podCidrs.served.join() === this.#servedCidrs.join()) return;
    this.#servedCidrs = this.#podCidrs.served;
    this.deps.log.info({ podCidrs: this.#servedCidrs }, 'pod CIDRs served by this node changed');
    this.#control.settingsChanged();
    void this.#host.reconcile();
  }

  #underlayChanged(what: UnderlayChange): void {
    if (what === 'addresses') this.#control.selfChanged();
    if (what === 'seeds') this.#control.driver.feed({ type: 'seeds', seeds: this.underlay.seeds });
    if (what === 'mtu') {
      this.#control.underlayMtuChanged();
      void this.#host.reconcile();
    }
    this.#source.changed();
  }

  #createControlPlane(): ControlPlane {
    const { settings, clock } = this.deps;
    return new ControlPlane({
      settings: () => settings.current,
      podCidrs: this.#podCidrs,
      podMtuBytes: () => this.#podMtuBytes,
      authority: this.deps.orchestrator?.authority ?? null,
      state: this.state,
      underlay: this.underlay,
      clock,
      notices: this.#notices,
      openRouter: connectRouter(routerSocket(this.#settings.config)),
      onReport: (report) => this.#routerReported(report),
      onRouterChanged: () => this.#routerChanged(),
      onLostClaims: (claims) => void this.#claimsLost(claims),
      onNarrowCidrs: () => void this.#host.reconcile(),
      onChange: () => this.#source.changed(),
    });
  }

  #createHostKeeper(): HostKeeper {
    const { commands, disk, clock } = this.deps;
    return new HostKeeper({
      commands,
      settings: new SettingsRecord(disk, this.#settings.config.stateDir),
      spec: () => this.#hostSpec(),
      clock,
      notices: this.#notices,
      onRepair: () => this.#pods.compare(),
      onChange: () => this.#hostChanged(),
    });
  }

  #hostSpec(): HostNetworkSpec {
    const { config, clusterCidrs } = this.#settings;
    const { bridgeName, tapName, stateDir, masquerade, listenPort } = config;
    return {
      bridgeName,
      stateDir,
      tapName,
      podMtuBytes: this.#podMtuBytes,
      podCidrs: this.#podCidrs.served,
      clusterCidrs,
      narrowCidrs: this.#control.narrowCidrs(),
      masquerade,
      listenPort,
      router: this.#control.router.router?.descriptors ?? null,
      pods: this.state.endpoints.list(),
    };
  }

  #createCniService(): CniService {
    const { commands, clock, log } = this.deps;
    const { ipam, endpoints } = this.state;
    return new CniService({
      addresses: ipam,
      network: openPodNetwork(commands),
      endpoints,
      settings: () => ({
        bridge: this.#settings.config.bridgeName,
        podMtuBytes: this.#podMtuBytes,
        podCidrs: this.#podCidrs.served,
        clusterCidrs: this.#settings.clusterCidrs,
      }),
      readiness: (verb) => this.#unreadiness(verb),
      admit: (endpoint) => this.#policies.admit(endpoint),
      announce: () => this.#endpointsChanged(),
      wallTime: () => clock.wallTime(),
      log,
    });
  }

  #createPodKeeper(): PodKeeper<LiveAttachment> {
    const { disk, clock, log } = this.deps;
    const { config } = this.#settings;
    const spools = [deferredDeleteFolder(config), formerDeferredDeleteFolder(config)];
    return new PodKeeper({
      replayDeferredDeletes: async () => {
        for (const spool of spools) await sweepDeferredDeletes(disk, spool, clock.wallTime().getTime());
        await replayDeferredDeletes(disk, spools, (request, asOfMs) => this.#cni.handle(request, asOfMs), log);
      },
      liveAttachments: () => this.#cni.reconcile(),
      reconcileAddresses: (live) => this.state.ipam.reconcile(live),
      canInstall: () => this.#unreadiness('ADD') === null,
      installCni: () => this.#installCni(),
      clock,
      notices: this.#notices,
      onReconciled: () => {
        this.#servedCidrsMayHaveChanged();
        this.#source.changed();
      },
    });
  }

  #createPolicies(): PolicySwitch {
    return new PolicySwitch({
      ...this.deps,
      notices: this.#notices,
      stateDir: this.#settings.config.stateDir,
      endpoints: () => this.state.endpoints.list(),
      isWanted: () => this.#settings.config.networkPolicies,
      onSwitched: () => this.#source.changed(),
    });
  }

  #createKernelEvents(): KernelEvents {
    const { bridgeName, tapName } = this.#settings.config;
    return new KernelEvents({
      clock: this.deps.clock,
      names: { bridge: bridgeName, tap: tapName },
      ownTables: [GUARD_TABLE[1], NAT_TABLE[1]],
      ownMark: ACCEPT_MARK,
      policyTable: POLICY_TABLE[1],
      lookAtPolicies: () => this.#policies.compare(),
      lookAtUnderlay: () => this.underlay.look(),
      mendHost: () => this.#host.reconcile(),
      isBusy: (hostInterface) => this.#cni.isBusy(hostInterface),
      mendPods: (isConcerned) => this.#cni.compare(isConcerned),
      stationChanged: (station) => this.#cni.stationChanged(station),
    });
  }

  async #installCni(): Promise<boolean> {
    const before = this.#installer.notes;
    const written = await this.#installer.install();
    const { notes } = this.#installer;
    if (notes.join() === before.join()) return written;
    for (const note of notes) this.deps.log.warn(`CNI configuration: ${note}`);
    this.#source.changed();
    return written;
  }

  #createApiSource(): AgentApiSource {
    const { settings, clock } = this.deps;
    const { identity, ipam } = this.state;
    return new AgentApiSource({
      settings: () => settings.current,
      settingsReport: () => settings.report,
      podCidrs: this.#podCidrs,
      id: identity.id,
      publicKey: identity.publicKey,
      podMtuBytes: () => this.#podMtuBytes,
      clock,
      mesh: this.#control.mesh,
      decide: (node, isRevoked) => this.#control.driver.feed({ type: 'revoke', node, isRevoked }),
      router: () => this.#control.router.router,
      routerIsSilent: this.deps.routerIsSilent,
      underlayAddresses: () => this.underlay.addresses,
      kernelDrops: () => ({ ...this.#host.kernelDrops, ...this.underlay.drops.total }),
      underlayDrops: () => this.underlay.drops.advice,
      fullTables: () => this.#host.fullTables,
      reversePath: () => this.#host.reversePath,
      hostProblems: () => this.#policies.withProblems(this.#host.problems),
      policies: this.#policies,
      podsReconciled: () => this.#pods.reconciled,
      stateDiskProblem: () => this.stateDisk.problem,
      cniNotes: () => this.#installer.notes,
      addressProblem: () => ipam.obstacle,
      endpoints: () => this.#cni.endpoints(),
      addressUsage: () => ipam.usage(),
      ownCounters: () => ({
        cni_requests_refused: this.#cniServer.refused,
        host_network_repairs: this.#host.repairs,
        mesh_faults: this.#control.driver.faults,
        ...this.#policies.counters,
      }),
    });
  }

  #createApi(): ApiKeeper {
    const { clock, log, programFolder } = this.deps;
    const { config } = this.#settings;
    return new ApiKeeper({
      start: () =>
        startApi({
          source: this.#source,
          socketPath: config.apiSocket,
          address: config.apiAddress,
          port: config.apiPort,
          metrics: { address: config.metricsAddress, port: config.metricsPort },
          webRoot: join(programFolder, 'web'),
          logger: log,
          onTopologyWatched: () => this.#control.topologyWanted(),
        }),
      clock,
      notices: this.#notices,
    });
  }

  async #endpointsChanged(): Promise<void> {
    await Promise.all([this.#control.endpointsChanged(), this.#policies.podsChanged()]);
    this.#servedCidrsMayHaveChanged();
  }

  #routerReported(report: RouterReport): void {
    if (report.type === 'counters') this.#source.countersChanged(report);
  }

  #routerChanged(): void {
    this.#pods.nudge();
    void this.#host.reconcile();
    this.#source.changed();
  }

  #hostChanged(): void {
    this.#pods.nudge();
    this.#source.changed();
  }

  async #claimsLost(claims: readonly LostClaim[]): Promise<void> {
    this.deps.log.warn({ claims }, 'pod CIDRs of this node that other nodes own too');
    await this.state.ipam.stopAllocatingFrom(claims.map(({ cidr }) => cidr));
    this.#source.changed();
  }

  /** 51 when pods that are attached already suffer too (CNI spec 1.1.0, STATUS). */
  #unreadiness(verb: 'ADD' | 'STATUS'): Unreadiness | null {
    const conditions = this.#source.conditions();
    const message = verb === 'ADD' ? attachObstacle(conditions) : statusObstacle(conditions);
    if (message === null) return null;
    return { code: this.#control.router.router === null ? 51 : 50, message };
  }
}
