#!/usr/bin/env node
/**
 * Executable `meshd`, the node service. Without a command it is the supervisor of router and agent; commands run one of the
 * two or print something. It imports as little as possible, since its imports stay in memory as long as the node runs.
 */
import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Config } from '../common/config.js';
import { ConfigError, messageOf } from '../common/errors.js';
import { createLogger } from '../common/log.js';
import type { Logger } from '../common/log.js';
import { HEDDLE_VERSION } from '../common/version.js';
import {
  forbidRings,
  interfaceIndex,
  openTap,
  openUnderlaySockets,
  takeDescriptors,
  TAP_QUEUES_PER_LANE,
} from '../router/index.js';
import { systemClock } from '../common/clock.js';
import { childrenFile, routerSocket, supervisorSocket } from '../common/host/run-files.js';
import { DescriptorKeeper } from './descriptors.js';
import { takeInstanceLock } from './instance-lock.js';
import {
  EXIT_CONFIG_INVALID,
  PAUSE_SIGNAL,
  RELOAD_SIGNAL,
  ROUTER_OPTIONS_VARIABLE,
} from '../common/launch-contract.js';
import { Leftovers } from './leftovers.js';
import { launchAgent, launchRouter, passedNumbers } from './programs.js';
import { readConfig } from './read-config.js';
import type { Predecessor } from './succession.js';
import { Supervisor } from './supervisor.js';

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

/** Returns null while the children run; the process ends after {@link Supervisor} stopped. */
async function supervise(argv: readonly string[], withAgent: boolean): Promise<number | null> {
  const reading = readConfig(PROGRAM, argv);
  if ('exitCode' in reading) return reading.exitCode;
  const { config } = reading;
  mkdirSync(config.runDir, { recursive: true, mode: 0o755 });
  mkdirSync(config.stateDir, { recursive: true, mode: 0o700 });
  chmodSync(config.stateDir, 0o700);
  const lock = await takeInstanceLock(supervisorSocket(config));
  const log = createLogger('supervisor', config.logLevel);
  forbidRingsOfChildren(log);
  const leftovers = new Leftovers({ path: childrenFile(config), log });
  const descriptors = descriptorKeeper(config);
  const predecessor = await endLeftovers(leftovers, descriptors);
  const supervisor = new Supervisor({
    descriptors,
    launchRouter: (passed, kind) => launchRouter(PROGRAM_FOLDER, config, passed, kind),
    predecessor,
    launchAgent: withAgent ? () => launchAgent(PROGRAM_FOLDER, config, argv) : null,
    onStarted: (child, pid) => leftovers.record(child, pid),
    clock: systemClock,
    log,
    onGiveUp: () => end(EXIT_CONFIG_INVALID),
  });
  const end = (code: number): void => {
    // The router may not remove its socket, since it changed to an unprivileged user.
    rmSync(routerSocket(config), { force: true });
    rmSync(childrenFile(config), { force: true });
    lock.release();
    process.exit(code);
  };
  stopOnSignals(() => supervisor.stop().then(() => end(0)));
  if (!process.stdin.isTTY) process.on(RELOAD_SIGNAL, () => supervisor.reload());
  process.on(PAUSE_SIGNAL, () => supervisor.renewAgent());
  supervisor.start();
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

/** Ends what an earlier supervisor left but its router, which forwards until it is ended too. Null when there is none. */
async function endLeftovers(leftovers: Leftovers, descriptors: DescriptorKeeper): Promise<Predecessor | null> {
  const running = leftovers.running();
  const router = running.find(({ name }) => name === 'router');
  await leftovers.end(running.filter((child) => child !== router));
  if (router === undefined) return null;
  return {
    sharesDescriptors: takeFrom(router.pid, descriptors, leftovers.deps.log),
    forwards: () => leftovers.works(router),
    end: () => {
      keepTap(descriptors, leftovers.deps.log);
      return leftovers.end([router]);
    },
  };
}

/** False when the router cannot be asked, or was started with other options: its successor loads when it has ended. */
function takeFrom(router: number, descriptors: DescriptorKeeper, log: Logger): boolean {
  try {
    descriptors.takeFrom(router);
    return true;
  } catch (thrown) {
    log.info({ childPid: router, error: messageOf(thrown) }, 'descriptors of the earlier router are not taken over');
    return false;
  }
}

/** Opens the TAP before the router that has it is ended: the interface then stays, with its place in the bridge. */
function keepTap(descriptors: DescriptorKeeper, log: Logger): void {
  try {
    descriptors.ensureTap();
  } catch (thrown) {
    log.info({ error: messageOf(thrown) }, 'TAP is opened after the earlier router has ended');
  }
}

function descriptorKeeper(config: Config): DescriptorKeeper {
  const lanes = config.lanes === 0 ? Math.min(DEFAULT_LANES, availableParallelism()) : config.lanes;
  return new DescriptorKeeper({
    source: {
      ...{ openTap, openUnderlaySockets, interfaceIndex },
      takeDescriptors: (router, { name: tapName, queues }, { address, port, count }) =>
        takeDescriptors(router, { tapName, address, port, ...passedNumbers(queues, count) }),
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
