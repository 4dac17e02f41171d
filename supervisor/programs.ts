/**
 * Launch of the agent and the router: program, arguments, environment and descriptors of each. Both stay in the supervisor's
 * session and ignore Ctrl-C when {@link SUPERVISOR_PID_VARIABLE} is set, because the supervisor stops them in order.
 */
import { spawn } from 'node:child_process';
import type { StdioOptions } from 'node:child_process';
import type { Duplex } from 'node:stream';
import { join } from 'node:path';
import type { Config } from '../common/config.js';
import type { Descriptors } from './descriptors.js';
import { routerSocket } from '../common/host/run-files.js';
import {
  BEAT_FD_VARIABLE,
  EXIT_FORBIDDEN_CALL,
  ROUTER_OPTIONS_VARIABLE,
  STARTED_CONFIG_VARIABLE,
  SUPERVISOR_PID_VARIABLE,
} from '../common/launch-contract.js';
import type { RouterLaunchOptions } from '../common/launch-contract.js';
import type { ChildProcess } from './supervised-child.js';

/**
 * Both are idle most of the time and allocate short-lived objects, so a young generation of 3 MiB replaces V8's 48 MiB. One
 * thread for V8's background work and few arenas of malloc(3) save a few MiB more. With 100 peers both together have 160 MiB
 * resident instead of 191, at no measurable cost (`npm run bench:crowd`).
 */
const NODE_FLAGS = ['--max-semi-space-size=1', '--v8-pool-size=1'];
const NODE_VARIABLES = { MALLOC_ARENA_MAX: '2' };
/** Standard input, output and error come first, then the channel of the watchdog. */
const BEAT_FD = 3;
const FIRST_PASSED_FD = 4;

/** The first router of a service, one for which pods wait already, or one that waits for the end of another. */
export type RouterKind = 'first' | 'replacement' | 'stand-by';

/** Numbers of the descriptors in a router: in order, from 4 on. */
export function passedNumbers(tapQueues: number, sockets: number): Pick<Descriptors, 'tapFds' | 'udpFds'> {
  const numbers = (first: number, count: number) => Array.from({ length: count }, (_, i) => first + i);
  return { tapFds: numbers(FIRST_PASSED_FD, tapQueues), udpFds: numbers(FIRST_PASSED_FD + tapQueues, sockets) };
}

export function routerLaunchOptions(config: Config, descriptors: Descriptors, kind: RouterKind): RouterLaunchOptions {
  return {
    ...passedNumbers(descriptors.tapFds.length, descriptors.udpFds.length),
    tapName: descriptors.tapName,
    portSocket: routerSocket(config),
    user: config.routerUser,
    lanes: descriptors.udpFds.length,
    logLevel: config.logLevel,
    offerAes: config.cipher !== 'chacha20-poly1305',
    warmUp: kind === 'first',
    standsBy: kind === 'stand-by',
  };
}

/** @param programFolder folder of the built programs */
export function launchRouter(
  programFolder: string,
  config: Config,
  descriptors: Descriptors,
  kind: RouterKind,
): ChildProcess {
  const options = routerLaunchOptions(config, descriptors, kind);
  const program = kind === 'stand-by' ? 'stand-by.js' : 'router.js';
  return launch([join(programFolder, program)], { [ROUTER_OPTIONS_VARIABLE]: JSON.stringify(options) }, [
    ...descriptors.tapFds,
    ...descriptors.udpFds,
  ]);
}

/** @param args the command line of `meshd`, which the agent reads itself */
export function launchAgent(programFolder: string, config: Config, args: readonly string[]): ChildProcess {
  const variables = { [STARTED_CONFIG_VARIABLE]: JSON.stringify(config) };
  return launch([join(programFolder, 'agent.js'), ...args], variables, []);
}

/** @param command the program and its arguments */
function launch(command: readonly string[], variables: Record<string, string>, fds: readonly number[]): ChildProcess {
  const stdio: StdioOptions = ['ignore', 'inherit', 'inherit', 'pipe', ...fds];
  const child = spawn(process.execPath, [...NODE_FLAGS, ...command], {
    stdio,
    env: {
      ...process.env,
      ...NODE_VARIABLES,
      ...variables,
      [SUPERVISOR_PID_VARIABLE]: String(process.pid),
      [BEAT_FD_VARIABLE]: String(BEAT_FD),
    },
  });
  const channel = child.stdio[BEAT_FD] as Duplex | null | undefined;
  // A child that ends with a question unread.
  channel?.on('error', () => channel.destroy());
  return {
    pid: child.pid,
    ended: new Promise((resolve) => {
      child.once('exit', (code, signal) => resolve(signal === 'SIGSYS' ? EXIT_FORBIDDEN_CALL : code));
      child.once('error', () => resolve(null));
    }),
    ask: (question) => void (channel?.writable === true && channel.write(Uint8Array.of(question))),
    onAnswer: (listener) => void channel?.on('data', (answers: Buffer) => listener(answers.at(-1)!)),
    signal: (name) => child.kill(name),
  };
}
