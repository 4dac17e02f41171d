/**
 * Contract between the supervisor and its children: environment variables, exit codes, signals, and the options of the
 * router. Not here: the start of processes (`supervisor/programs.ts`).
 */
import { isRecord } from './codec/message-shape.js';
import { DecodeError, messageOf } from './errors.js';
import { LOG_LEVELS } from './log-levels.js';
import type { LogLevel } from './log-levels.js';
import { MAX_LANES } from './protocol.js';

/** The supervisor's process id, set for every child it starts. */
export const SUPERVISOR_PID_VARIABLE = 'HEDDLE_SUPERVISOR_PID';
/** Descriptor of the channel of `common/host/beat-channel.ts`, set for every child. */
export const BEAT_FD_VARIABLE = 'HEDDLE_BEAT_FD';
/** {@link RouterLaunchOptions} as JSON, set for the router. */
export const ROUTER_OPTIONS_VARIABLE = 'HEDDLE_ROUTER_OPTIONS';
/** The configuration that the supervisor started with, as JSON, set for the agent. It holds no secret. */
export const STARTED_CONFIG_VARIABLE = 'HEDDLE_STARTED_CONFIG';
/** sysexits.h EX_CONFIG: the child's configuration is wrong, and it is not started again. */
export const EXIT_CONFIG_INVALID = 78;
/** 128 and SIGSYS, as a shell would say: the kernel killed the child for a call that its seccomp filter forbids. */
export const EXIT_FORBIDDEN_CALL = 159;
/** Ends the agent without notice to the peers, since only this process is replaced. */
export const PAUSE_SIGNAL = 'SIGUSR2';

/** Makes the agent read its configuration again. The supervisor passes it on. */
export const RELOAD_SIGNAL = 'SIGHUP';

/** Options of the router process. */
export interface RouterLaunchOptions {
  /** Descriptors of the TAP's queues, the same number for each lane. */
  readonly tapFds: readonly number[];
  /** Descriptors of the underlay's UDP sockets, one for each lane. */
  readonly udpFds: readonly number[];
  readonly tapName: string;
  /** Path of the unix socket on which the router listens for the agent. */
  readonly portSocket: string;
  /** User and group id that the router changes to after it opened the socket. */
  readonly user: number;
  readonly lanes: number;
  readonly logLevel: LogLevel;
  /** False when the configuration allows ChaCha20-Poly1305 only. */
  readonly offerAes: boolean;
  /** False for a router that takes the place of one that ended: pods wait, and a warm-up would double their wait. */
  readonly warmUp: boolean;
  /** True for the stand-by: it loads everything, and forwards when `QUESTION.forward` comes (`common/host/beat-channel.ts`). */
  readonly standsBy: boolean;
}

const MAX_DESCRIPTORS = 1024;

/** @param json value of {@link ROUTER_OPTIONS_VARIABLE}. Throws DecodeError that names the first option that is missing or wrong. */
export function parseRouterLaunchOptions(json: string | undefined): RouterLaunchOptions {
  if (json === undefined) {
    throw new DecodeError(`${ROUTER_OPTIONS_VARIABLE} is not set: the router is started by meshd, not by hand`);
  }
  const options = parseObject(json);
  const refuse = (name: keyof RouterLaunchOptions, expected: string): never => {
    throw new DecodeError(`${ROUTER_OPTIONS_VARIABLE}: ${name} is ${describe(options[name])}, expected ${expected}`);
  };
  const integer = (name: keyof RouterLaunchOptions, min: number, max: number): number => {
    const value = options[name];
    return isIntegerIn(value, min, max) ? value : refuse(name, `an integer from ${min} to ${max}`);
  };
  const text = (name: keyof RouterLaunchOptions): string => {
    const value = options[name];
    return typeof value === 'string' && value !== '' ? value : refuse(name, 'a text');
  };
  const descriptors = (name: keyof RouterLaunchOptions, perLane: string, isCount: (n: number) => boolean): number[] => {
    const value = options[name];
    const valid = Array.isArray(value) && value.every((fd): fd is number => isIntegerIn(fd, 0, MAX_DESCRIPTORS));
    return valid && isCount(value.length) ? value : refuse(name, `descriptor numbers, ${perLane} each lane`);
  };
  const lanes = integer('lanes', 1, MAX_LANES);
  return {
    tapFds: descriptors('tapFds', 'the same number for', (count) => count >= lanes && count % lanes === 0),
    udpFds: descriptors('udpFds', 'one for', (count) => count === lanes),
    tapName: text('tapName'),
    portSocket: text('portSocket'),
    user: integer('user', 0, 2 ** 32 - 2),
    lanes,
    logLevel: LOG_LEVELS.find((level) => level === options['logLevel']) ?? refuse('logLevel', LOG_LEVELS.join(', ')),
    offerAes: typeof options['offerAes'] === 'boolean' ? options['offerAes'] : refuse('offerAes', 'true or false'),
    // A supervisor of an older version does not say.
    warmUp: options['warmUp'] !== false,
    standsBy: options['standsBy'] === true,
  };
}

function parseObject(json: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (thrown) {
    throw new DecodeError(`${ROUTER_OPTIONS_VARIABLE} is not JSON: ${messageOf(thrown)}`, { cause: thrown });
  }
  if (isRecord(value)) return value;
  throw new DecodeError(`${ROUTER_OPTIONS_VARIABLE} is ${describe(value)}, expected an object`);
}

function isIntegerIn(value: unknown, min: number, max: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max;
}

function describe(value: unknown): string {
  return value === undefined ? 'missing' : JSON.stringify(value);
}
