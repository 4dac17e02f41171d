/**
 * The agent's process: settings, signals, exit codes. Everything else is `agent.ts`.
 *
 * | event | sent by | the agent |
 * |---|---|---|
 * | SIGTERM | the supervisor, when it stops everything | says goodbye to the peers and ends |
 * | SIGHUP | the supervisor, for an operator | reads its settings again |
 * | SIGINT | a terminal; left to the supervisor where there is one | as for SIGTERM |
 * | SIGUSR2 | an operator or an upgrade that replaces the agent only | ends without a goodbye; the router forwards on |
 * | the supervisor is gone | | as for SIGUSR2 |
 */
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { agentCommands } from './spawned-program.js';
import type { Config } from '../common/config.js';
import { systemDisk } from '../common/storage/disk.js';
import { ConfigError, IdentityError, messageOf } from '../common/errors.js';
import { createLogger } from '../common/log.js';
import type { LogLevel } from '../common/log-levels.js';
import type { Logger } from '../common/log.js';
import { NoticeLog } from '../common/notice-log.js';
import { Agent } from './agent.js';
import { systemClock } from '../common/clock.js';
import { readHostFile } from './config/config-command.js';
import { loadConfig } from './config/config-sources.js';
import type { StopReason } from './control-plane/mesh-driver.js';
import { answerQuestions, QUESTION } from '../common/host/beat-channel.js';
import { watchParent } from '../common/host/parent-watch.js';
import {
  BEAT_FD_VARIABLE,
  EXIT_CONFIG_INVALID,
  PAUSE_SIGNAL,
  RELOAD_SIGNAL,
  STARTED_CONFIG_VARIABLE,
  SUPERVISOR_PID_VARIABLE,
} from '../common/launch-contract.js';
import { openKubernetes } from '../kube/index.js';
import type { Kubernetes } from '../kube/index.js';
import { loadClusterSecrets } from './settings/cluster-secret.js';
import { effectiveNodeName } from './settings/node-settings.js';
import { SettingsKeeper } from './settings/settings-keeper.js';
import { SettingsReader } from './settings/settings-reader.js';
import type { SettingsSource } from './settings/settings-source.js';
import { loadTrustedKeys } from './settings/trusted-keys.js';
import { lastConfig } from './config/config-record.js';

/** Within the supervisor's patience of 5 s. */
const STOP_WITHIN_MS = 4_000;

async function main(): Promise<void> {
  const {
    [SUPERVISOR_PID_VARIABLE]: supervisorPid,
    [STARTED_CONFIG_VARIABLE]: startedJson,
    [BEAT_FD_VARIABLE]: beatFd,
    ...env
  } = process.env;
  const started = startedJson === undefined ? null : (JSON.parse(startedJson) as Config);
  const opened = await openSettings(env, started);
  if (opened === null) return;
  const { settings, kubernetes } = opened;
  const { log } = settings.deps.notices;
  let stopping = false;
  let routerIsSilent = false;
  const starting = startAgent(settings, kubernetes, log, () => routerIsSilent);
  let isRunning = false;
  void starting.then((agent) => (isRunning = agent !== null));
  answerQuestions({
    fd: beatFd,
    works: () => true,
    isRunning: () => isRunning,
    onQuestion: (question) => {
      if (routerIsSilent === (question === QUESTION.routerIsSilent)) return;
      routerIsSilent = !routerIsSilent;
      void starting.then((agent) => agent?.conditionsChanged());
    },
  });
  const stop = (event: string, reason: StopReason): void => {
    if (stopping) return;
    stopping = true;
    log.info({ event, reason }, 'agent stops');
    setTimeout(() => process.exit(1), STOP_WITHIN_MS);
    void starting.then((agent) => agent?.stop(reason)).then(() => process.exit(0));
  };
  process.on('SIGTERM', () => stop('SIGTERM', 'leave'));
  process.on(PAUSE_SIGNAL, () => stop(PAUSE_SIGNAL, 'pause'));
  process.on(RELOAD_SIGNAL, () => void settings.reload());
  // Ctrl-C reaches the whole session; a supervisor stops its children in order.
  process.on('SIGINT', () => (supervisorPid === undefined ? stop('SIGINT', 'leave') : undefined));
  watchParent({
    supervisorPid,
    parentPid: () => process.ppid,
    clock: systemClock,
    onOrphaned: () => stop('the supervisor is gone', 'pause'),
  });
  await starting;
}

interface Opened {
  readonly settings: SettingsKeeper;
  readonly kubernetes: Kubernetes | null;
}

/** Null when there are no settings to start with; the exit code says whether another try makes sense. */
async function openSettings(env: NodeJS.ProcessEnv, started: Config | null): Promise<Opened | null> {
  const argv = process.argv.slice(2);
  const log = createLogger('agent', started?.logLevel ?? logLevelOf(argv, env));
  const notices = new NoticeLog(log, systemClock);
  try {
    const kubernetes = await kubernetesOf(started ?? loadConfig(argv, env, readHostFile), env, notices);
    const sources: SettingsSource[] = kubernetes === null ? [] : [kubernetes.source];
    const reader = new SettingsReader({
      argv,
      env,
      readFile: readHostFile,
      readSecret: loadClusterSecrets,
      readTrustedKeys: loadTrustedKeys,
      sources,
      started,
      hostName: hostname(),
    });
    const settings = await SettingsKeeper.open({
      reader,
      sources,
      lastInForce: () => (started === null ? null : lastConfig(started, readHostFile)),
      clock: systemClock,
      notices,
    });
    return { settings, kubernetes };
  } catch (thrown) {
    log.fatal({ error: messageOf(thrown) }, 'agent cannot start');
    process.exitCode = thrown instanceof ConfigError ? EXIT_CONFIG_INVALID : 1;
    return null;
  }
}

/** Null where there is no Kubernetes. Rejects with ConfigError. */
async function kubernetesOf(config: Config, env: NodeJS.ProcessEnv, notices: NoticeLog): Promise<Kubernetes | null> {
  if (!config.kubernetes) return null;
  const nodeName = effectiveNodeName(config, hostname());
  return openKubernetes({ config, nodeName, env, disk: systemDisk, clock: systemClock, notices });
}

/** Of an agent without a supervisor. A configuration that is refused is reported with the default level. */
function logLevelOf(argv: readonly string[], env: NodeJS.ProcessEnv): LogLevel {
  try {
    return loadConfig(argv, env, readHostFile).logLevel;
  } catch (thrown) {
    if (thrown instanceof ConfigError) return 'info';
    throw thrown;
  }
}

/** Null when it could not start; the exit code says whether another try makes sense. */
async function startAgent(
  settings: SettingsKeeper,
  kubernetes: Kubernetes | null,
  log: Logger,
  routerIsSilent: () => boolean,
): Promise<Agent | null> {
  try {
    const programFolder = dirname(fileURLToPath(import.meta.url));
    const commands = agentCommands;
    return await Agent.start({
      settings,
      orchestrator: kubernetes,
      watchObjects: kubernetes && ((...asked) => kubernetes.source.watchObjects(...asked)),
      programFolder,
      commands,
      disk: systemDisk,
      clock: systemClock,
      log,
      routerIsSilent,
    });
  } catch (thrown) {
    log.fatal({ error: messageOf(thrown) }, 'agent cannot start');
    process.exit(thrown instanceof IdentityError ? EXIT_CONFIG_INVALID : 1);
  }
}

await main();
