#!/usr/bin/env node
/**
 * Executable `meshd`, the node service. Without a command it is the supervisor of router and agent; commands run one of the
 * two or print something. It imports as little as possible, since its imports stay in memory as long as the node runs.
 */
import { mkdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Config } from '../common/config.js';
import { ConfigError, messageOf } from '../common/errors.js';
import { createLogger } from '../common/log.js';
import type { Logger } from '../common/log.js';
import { HEDDLE_VERSION } from '../common/version.js';
import {
  checkDescriptors,
  forbidRings,
  interfaceIndex,
  openTap,
  openUnderlaySockets,
  takeDescriptors,
  TAP_QUEUES_PER_LANE,
} from '../router/index.js';
import { DescriptorKeeper } from './descriptors.js';
import type { TapOptions, UnderlayOptions } from './descriptors.js';
import {
  EXIT_CONFIG_INVALID,
  PAUSE_SIGNAL,
  RELOAD_SIGNAL,
  ROUTER_OPTIONS_VARIABLE,
} from '../common/launch-contract.js';
import { NodeService } from './node-service.js';
import { launchAgent, launchRouter, passedNumbers } from './programs.js';
import { readConfig } from './read-config.js';
import { openStateFolder } from './state-folder.js';

const PROGRAM = fileURLToPath(import.meta.url);
const PROGRAM_FOLDER = dirname(PROGRAM);
/** One thread is full with four TCP streams while a second processor idles (docs/measurements.md). */
const DEFAULT_LANES = 2;

const USAGE = `Usage: meshd [COMMAND] [SETTING...]

The node service of Heddle. Without a command it runs the router and the agent and restarts either when it ends.

Commands:
  agent      run the agent only (mesh, addresses, CNI, API)
  router     run the router only (forwarding), with its supervisor
  config     print the effective configuration and where each value was found (--json: for programs)
  --help     print this
  --version  print the version

Signals:
  SIGTERM  stop everything and tell the peers
  SIGHUP   read the configuration again (stop, when meshd runs in a terminal: a terminal that is closed sends it)
  SIGUSR2  replace only the agent, by the program that is on disk now; the router continues to forward

`;

async function main(argv: readonly string[]): Promise<number | null> {
  const [command, ...rest] = argv;
  if (argv.includes('--help') || argv.includes('-h')) return print(USAGE + (await configCommand()).formatConfigHelp());
  if (command === '--version') return print(`meshd ${HEDDLE_VERSION}\n`);
  if (command === 'config') return printConfig(rest);
  if (command === 'agent') return becomeSibling('agent', rest);
  if (command === 'router') {
    return process.env[ROUTER_OPTIONS_VARIABLE] === undefined ? supervise(rest, false) : becomeSibling('router', rest);
  }
  if (command === undefined || command.startsWith('-')) return supervise(argv, true);
  process.stderr.write(
    `meshd: unknown command "${command}" (expected agent, router, config or a setting; see --help)\n`,
  );
  return EXIT_CONFIG_INVALID;
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}

/** Loaded on demand, since the schema and the YAML parser take memory. */
function configCommand() {
  return import('../agent/config/index.js');
}

async function printConfig(argv: readonly string[]): Promise<number> {
  const { describeConfig, readHostFile } = await configCommand();
  try {
    return print(describeConfig(argv, process.env, readHostFile));
  } catch (thrown) {
    process.stderr.write(`meshd: ${messageOf(thrown)}\n`);
    return thrown instanceof ConfigError ? EXIT_CONFIG_INVALID : 1;
  }
}

/** Runs the agent or the router inside this process; it ends the process by itself. */
async function becomeSibling(name: 'agent' | 'router', argv: readonly string[]): Promise<null> {
  process.argv.splice(2, process.argv.length, ...argv);
  await import(pathToFileURL(join(PROGRAM_FOLDER, `${name}.js`)).href);
  return null;
}

/** Returns null while the children run; the process ends after the {@link NodeService} has stopped. */
async function supervise(argv: readonly string[], withAgent: boolean): Promise<number | null> {
  const reading = readConfig(PROGRAM, argv);
  if ('exitCode' in reading) return reading.exitCode;
  const { config } = reading;
  mkdirSync(config.runDir, { recursive: true, mode: 0o755 });
  const foreign = openStateFolder(config.stateDir);
  const log = createLogger('supervisor', config.logLevel);
  if (foreign !== null) {
    const fields = { path: config.stateDir, reason: `${foreign} is in it` };
    log.warn(fields, 'the state directory holds files of others, so its mode is left as it is; set one of its own');
  }
  forbidRingsOfChildren(log);
  const service = new NodeService({
    ...{ config, log, descriptors: descriptorKeeper(config) },
    launchRouter: (passed, kind) => launchRouter(PROGRAM_FOLDER, config, passed, kind),
    launchAgent: withAgent ? () => launchAgent(PROGRAM_FOLDER, config, argv) : null,
    onGiveUp: () => void service.stop().then(() => process.exit(EXIT_CONFIG_INVALID)),
  });
  stopOnSignals(() => service.stop().then(() => process.exit(0)));
  if (!process.stdin.isTTY) process.on(RELOAD_SIGNAL, () => service.reload());
  process.on(PAUSE_SIGNAL, () => service.renewAgent());
  await service.start();
  return null;
}

/** The router says so by a condition when it has rings nevertheless. */
function forbidRingsOfChildren(log: Logger): void {
  try {
    forbidRings();
  } catch (thrown) {
    log.info({ error: messageOf(thrown) }, 'io_uring cannot be forbidden to the children');
  }
}

function descriptorKeeper(config: Config): DescriptorKeeper {
  const lanes = config.lanes === 0 ? Math.min(DEFAULT_LANES, availableParallelism()) : config.lanes;
  const wanted = ({ name, queues }: TapOptions, { address, port, count }: UnderlayOptions) => {
    return { tapName: name, tapQueues: queues, address, port, sockets: count };
  };
  return new DescriptorKeeper({
    source: {
      ...{ openTap, openUnderlaySockets, interfaceIndex },
      takeDescriptors: (router, tap, underlay) => {
        const { tapFds, udpFds } = passedNumbers(tap.queues, underlay.count);
        return takeDescriptors(router, [...tapFds, ...udpFds], wanted(tap, underlay));
      },
      checkDescriptors: (fds, tap, underlay) => checkDescriptors(fds, wanted(tap, underlay)),
    },
    tap: { name: config.tapName, queues: lanes * TAP_QUEUES_PER_LANE },
    underlay: { address: config.listenAddress, port: config.listenPort, count: lanes },
  });
}

function stopOnSignals(stop: () => Promise<void>): void {
  let stopping = false;
  for (const signal of ['SIGTERM', 'SIGINT', ...(process.stdin.isTTY ? [RELOAD_SIGNAL] : [])] as const) {
    process.on(signal, () => {
      if (stopping) return;
      stopping = true;
      void stop();
    });
  }
}

try {
  const code = await main(process.argv.slice(2));
  if (code !== null) process.exitCode = code;
} catch (thrown) {
  process.stderr.write(`meshd: ${messageOf(thrown)}\n`);
  process.exitCode = 1;
}
