/**
 * The agent's process: configuration, signals, exit codes. Everything else is `agent.ts`.
 *
 * | what happens | sent by | the agent |
 * |---|---|---|
 * | SIGTERM | the supervisor, when it stops everything | says goodbye to the peers and ends |
 * | SIGINT, SIGHUP | a terminal; left to the supervisor where there is one | as for SIGTERM |
 * | SIGUSR2 | whoever replaces the agent only | ends without a word; the router forwards on |
 * | the supervisor is gone | | as for SIGUSR2 |
 */
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hostCommands } from '../common/host/command.js';
import type { Config } from '../common/config.js';
import { systemDisk } from '../common/storage/disk.js';
import { ConfigError, IdentityError, messageOf } from '../common/errors.js';
import { createLogger } from '../common/log.js';
import type { Logger } from '../common/log.js';
import { Agent } from './agent.js';
import { systemClock } from '../common/clock.js';
import { readHostFile } from './config/config-command.js';
import { loadConfig } from './config/config-sources.js';
import type { StopReason } from './control-plane/mesh-driver.js';
import { watchParent } from '../common/host/parent-watch.js';
import { EXIT_CONFIG_INVALID, PAUSE_SIGNAL, SUPERVISOR_PID_VARIABLE } from '../common/launch-contract.js';

/** Within the supervisor's patience of 5 s. */
const STOP_WITHIN_MS = 4_000;

async function main(): Promise<void> {
  const { [SUPERVISOR_PID_VARIABLE]: supervisorPid, ...env } = process.env;
  const config = readConfig(env);
  if (config === null) return;
  const log = createLogger('agent', config.logLevel);
  let stopping = false;
  const starting = startAgent(config, log);
  const stop = (cause: string, reason: StopReason): void => {
    if (stopping) return;
    stopping = true;
    log.info({ cause, reason }, 'agent stops');
    setTimeout(() => process.exit(1), STOP_WITHIN_MS);
    void starting.then((agent) => agent?.stop(reason)).then(() => process.exit(0));
  };
  // Ctrl-C and a closed terminal reach the whole session; a supervisor stops its children in order.
  const supervised = process.env[SUPERVISOR_PID_VARIABLE] !== undefined;
  process.on('SIGTERM', () => stop('SIGTERM', 'leave'));
  process.on(PAUSE_SIGNAL, () => stop(PAUSE_SIGNAL, 'pause'));
  for (const signal of ['SIGINT', 'SIGHUP'] as const) {
    process.on(signal, () => (supervised ? undefined : stop(signal, 'leave')));
  }
  watchParent({
    supervisorPid,
    parentPid: () => process.ppid,
    clock: systemClock,
    onOrphaned: () => stop('the supervisor is gone', 'pause'),
  });
  await starting;
}

function readConfig(env: NodeJS.ProcessEnv): Config | null {
  try {
    return loadConfig(process.argv.slice(2), env, readHostFile);
  } catch (thrown) {
    process.stderr.write(`meshd agent: ${messageOf(thrown)}\n`);
    process.exitCode = thrown instanceof ConfigError ? EXIT_CONFIG_INVALID : 1;
    return null;
  }
}

/** Null when it could not start; the exit code says whether trying again makes sense. */
async function startAgent(config: Config, log: Logger): Promise<Agent | null> {
  try {
    const programFolder = dirname(fileURLToPath(import.meta.url));
    return await Agent.start({
      config,
      programFolder,
      commands: hostCommands,
      disk: systemDisk,
      clock: systemClock,
      log,
    });
  } catch (thrown) {
    log.fatal({ error: messageOf(thrown) }, 'agent cannot start');
    process.exit(thrown instanceof ConfigError || thrown instanceof IdentityError ? EXIT_CONFIG_INVALID : 1);
  }
}

await main();
