/** Entry of the router process: options from the environment, signals, exit. */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../common/clock.js';
import { DecodeError, messageOf } from '../../common/errors.js';
import { answerQuestions } from '../../common/host/beat-channel.js';
import { watchParent } from '../../common/host/parent-watch.js';
import {
  BEAT_FD_VARIABLE,
  EXIT_CONFIG_INVALID,
  parseRouterLaunchOptions,
  ROUTER_OPTIONS_VARIABLE,
  SUPERVISOR_PID_VARIABLE,
} from '../../common/launch-contract.js';
import type { RouterLaunchOptions } from '../../common/launch-contract.js';
import { createLogger } from '../../common/log.js';
import { RouterProcess } from './router-process.js';

/** A supervisor that is started in this time takes the router's place over; pods keep their traffic until then. */
const FORWARD_WITHOUT_SUPERVISOR_MS = 10_000;

/** Runs the router of this process until a signal stops it. */
async function runRouter(): Promise<void> {
  const options = readOptions();
  if (options === null) process.exit(EXIT_CONFIG_INVALID);
  const log = createLogger('router', options.logLevel);
  const workerProgram = join(dirname(fileURLToPath(import.meta.url)), 'router-worker.js');
  const router = new RouterProcess({ ...options, workerProgram }, log, (reason) => {
    log.fatal({ reason }, 'forwarding thread failed; router exits');
    process.exit(1);
  });
  const stop = () => {
    void router.stop().then(() => process.exit(0));
  };
  process.once('SIGTERM', stop);
  // Ctrl-C reaches the whole terminal session; a supervisor stops its children in order.
  const supervisorPid = process.env[SUPERVISOR_PID_VARIABLE];
  for (const signal of ['SIGINT', 'SIGHUP'] as const)
    process.on(signal, supervisorPid === undefined ? stop : () => undefined);
  answerQuestions({ fd: process.env[BEAT_FD_VARIABLE], works: () => router.takeBeats() });
  watchParent({
    supervisorPid,
    parentPid: () => process.ppid,
    clock: systemClock,
    onOrphaned: () => systemClock.after(FORWARD_WITHOUT_SUPERVISOR_MS, stop),
  });
  try {
    await router.start();
  } catch (thrown) {
    log.fatal({ reason: messageOf(thrown) }, 'router cannot start');
    process.exit(1);
  }
}

/** Null when the options are missing or malformed, which is logged. */
function readOptions(): RouterLaunchOptions | null {
  const json = process.env[ROUTER_OPTIONS_VARIABLE];
  try {
    if (json === undefined)
      throw new DecodeError(`${ROUTER_OPTIONS_VARIABLE} is not set: the router is started by meshd, not by hand`);
    return parseRouterLaunchOptions(json);
  } catch (thrown) {
    createLogger('router').fatal({ reason: messageOf(thrown) }, 'router cannot start');
    return null;
  }
}

await runRouter();
