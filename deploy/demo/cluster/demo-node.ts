/** Node of a demo cluster: a `meshd` in its own network namespace, with its files under the run directory. */
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Peer, Status } from '../../../common/api.js';
import { formatYaml } from '../../../common/codec/yaml.js';
import type { Config, RELOADABLE_SETTINGS } from '../../../common/config.js';
import { DemoError } from '../../../common/errors.js';
import { cniSocket, deferredDeleteFolder } from '../../../common/host/run-files.js';
import { AgentApi } from './agent-api.js';
import type { NetworkNamespace } from '../machine/network-namespace.js';
import { UNDERLAY_PORT } from './plan.js';
import type { NodePlan } from './plan.js';
import { commandLine, kill, parentOf, processesInNamespace, signal, waitUntilGone } from '../machine/processes.js';
import { waitUntil } from '../async/wait-until.js';

export type Role = 'supervisor' | 'agent' | 'router' | 'stand-by';

const SCRIPTS: Readonly<Record<Role, string>> = {
  supervisor: 'meshd.js',
  agent: 'agent.js',
  router: 'router.js',
  'stand-by': 'stand-by.js',
};
const READY_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 4000;
const LOG_TAIL_LINES = 15;

export interface NodeSettings {
  readonly distDir: string;
  /** For the node's state, sockets and log; made by the node. */
  readonly folder: string;
  readonly clusterCidrs: readonly string[];
  readonly listenAddress: string;
  readonly seeds: readonly string[];
  readonly secretFile: string;
  readonly extraArgs: readonly string[];
  /** Whether the agent installs CNI executable and configuration, for a container runtime. */
  readonly installsCni?: boolean;
}

/** Settings that `meshd` follows while it runs. */
export type FollowedSettings = {
  readonly [Name in (typeof RELOADABLE_SETTINGS)[number]]?: Readonly<Config[Name]>;
};

export class DemoNode {
  readonly api: AgentApi;
  readonly apiSocket: string;
  readonly cniSocket: string;
  readonly stateDir: string;
  readonly deferredDeleteDir: string;
  readonly logFile: string;
  readonly configFile: string;
  readonly cniBinDir: string;
  readonly cniConfDir: string;
  readonly #runDir: string;
  #followed: FollowedSettings;

  constructor(
    readonly plan: NodePlan,
    readonly namespace: NetworkNamespace,
    readonly settings: NodeSettings,
  ) {
    this.#runDir = join(settings.folder, 'run');
    this.apiSocket = join(this.#runDir, 'api.sock');
    this.cniSocket = cniSocket({ runDir: this.#runDir });
    this.stateDir = join(settings.folder, 'state');
    this.deferredDeleteDir = deferredDeleteFolder({ stateDir: this.stateDir });
    this.logFile = join(settings.folder, 'meshd.log');
    this.cniBinDir = join(settings.folder, 'cni-bin');
    this.cniConfDir = join(settings.folder, 'cni-conf');
    this.api = new AgentApi(this.apiSocket);
    mkdirSync(this.#runDir, { recursive: true });
    mkdirSync(this.stateDir);
    this.configFile = join(settings.folder, 'config.yaml');
    this.#followed = {
      nodeName: plan.name,
      podCidrs: plan.podCidrs,
      clusterCidrs: settings.clusterCidrs,
      seeds: settings.seeds,
      clusterSecretFile: settings.secretFile,
    };
    this.configure({});
  }

  get name(): string {
    return this.plan.name;
  }

  /**
   * Starts `meshd` without waiting until it is ready ({@link waitReady}).
   * @param more flags beside those of the node @param distDir programs of another version
   */
  start(more: readonly string[] = [], distDir = this.settings.distDir): void {
    const log = openSync(this.logFile, 'a', 0o600);
    const meshd = [join(distDir, SCRIPTS.supervisor), ...this.#flags(), ...more];
    this.namespace.spawn(process.execPath, meshd, ['ignore', log, log]).on('error', () => {
      /* waitReady reports the failure */
    });
    closeSync(log);
  }

  /** Process ids of one part of `meshd`: one, or none during a restart. */
  processes(role: Role): number[] {
    const named = this.allProcesses().filter((pid) =>
      commandLine(pid).some((word) => word.endsWith(`/${SCRIPTS[role]}`)),
    );
    // A child that was forked and has not executed its program yet still shows its parent's command line.
    return named.filter((pid) => !named.includes(parentOf(pid)));
  }

  /** All processes in the node's namespace, also those without a living parent. */
  allProcesses(): number[] {
    return processesInNamespace(this.namespace.inode);
  }

  waitReady(timeoutMs = READY_TIMEOUT_MS): Promise<Status> {
    return waitUntil(`node ${this.name} ready`, timeoutMs, async () => {
      const status = await this.api.status();
      if (status.ready) return status;
      const missing = status.conditions.filter(({ ok }) => !ok);
      throw new DemoError(missing.map(({ name, message }) => `${name}: ${message}`).join('; '));
    });
  }

  /** Waits until the link to every named node is up. */
  waitLinks(names: readonly string[], timeoutMs = READY_TIMEOUT_MS): Promise<Peer[]> {
    return waitUntil(`links of ${this.name} to ${names.join(', ')}`, timeoutMs, async () => {
      const peers = await this.api.peers();
      return names.every((name) => peers.some((peer) => peer.name === name && peer.state === 'up')) && peers;
    });
  }

  /**
   * Waits until every named node is known, and each link that this node wants is up: in a large cluster a node links with its
   * neighbours, and with others when frames pass.
   */
  waitKnown(names: readonly string[], timeoutMs = READY_TIMEOUT_MS): Promise<Peer[]> {
    return waitUntil(`${names.length} members known to ${this.name}, and its links up`, timeoutMs, async () => {
      const peers = await this.api.peers();
      const states = new Map(peers.map(({ name, state }) => [name, state]));
      const missing = names.filter((name) => !['up', 'idle'].includes(states.get(name) ?? ''));
      if (missing.length > 0) throw new DemoError(`missing: ${missing.join(', ')}`);
      return peers.some(({ state }) => state === 'up') && peers;
    });
  }

  /** Stops `meshd` with SIGTERM; kills processes that have not ended after 4 s. */
  async stop(): Promise<void> {
    for (const supervisor of this.processes('supervisor')) signal(supervisor, 'SIGTERM');
    await waitUntilGone(this.allProcesses(), STOP_TIMEOUT_MS);
    await kill(this.allProcesses());
  }

  /** Kills every process of the node at once, without notice to the peers. */
  async crash(): Promise<void> {
    await kill(this.allProcesses());
  }

  logTail(): string {
    if (!existsSync(this.logFile)) return '';
    return readFileSync(this.logFile, 'utf8').trimEnd().split('\n').slice(-LOG_TAIL_LINES).join('\n');
  }

  /** Writes the settings that a running node follows; those not given stay. Takes effect at the start, or with {@link reload}. */
  configure(change: Partial<FollowedSettings>): void {
    this.#followed = { ...this.#followed, ...change };
    writeFileSync(this.configFile, formatYaml(this.#followed), { mode: 0o600 });
  }

  /** Makes `meshd` read its settings now instead of within two seconds. */
  reload(): void {
    for (const supervisor of this.processes('supervisor')) signal(supervisor, 'SIGHUP');
  }

  /** What a running node cannot follow. */
  #flags(): string[] {
    const { settings } = this;
    return [
      ...['--config', this.configFile],
      ...['--listen-address', settings.listenAddress, '--listen-port', `${UNDERLAY_PORT}`],
      ...['--state-dir', this.stateDir],
      ...['--run-dir', this.#runDir],
      ...['--api-socket', this.apiSocket],
      ...['--api-address', '127.0.0.1', '--api-port', '0'],
      ...['--log-level', 'info'],
      ...(settings.installsCni === true ? ['--cni-bin-dir', this.cniBinDir, '--cni-conf-dir', this.cniConfDir] : []),
      ...settings.extraArgs,
    ];
  }
}
