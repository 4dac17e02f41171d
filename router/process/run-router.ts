/** Life of the router process around its parts: start, signals, the end of its supervisor, exit. */
import { dirname, join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { systemClock } from '../../common/clock.js';
import { messageOf } from '../../common/errors.js';
import { answerQuestions, QUESTION } from '../../common/host/beat-channel.js';
import { watchParent } from '../../common/host/parent-watch.js';
import { BEAT_FD_VARIABLE, SUPERVISOR_PID_VARIABLE } from '../../common/launch-contract.js';
import type { RouterLaunchOptions } from '../../common/launch-contract.js';
import { createLogger } from '../../common/log.js';
import type { Logger } from '../../common/log.js';
import { RouterProcess } from './router-process.js';

export { createLogger };

/** A supervisor that is started in this time takes the router's place over; pods keep their traffic until then. */
const FORWARD_WITHOUT_SUPERVISOR_MS = 10_000;

/**
 * Runs the router of this process until a signal stops it. A stand-by waits with everything loaded until it is wanted, and then
 * has the command line of a router.
 * @param workers of `router-worker.ts`, one for each lane
 */
export async function runRouter(options: RouterLaunchOptions, workers: readonly Worker[]): Promise<void> {
  const log = createLogger('router', options.logLevel);
  try {
    await run(options, workers, log);
  } catch (thrown) {
    log.fatal({ reason: messageOf(thrown) }, 'router cannot start');
    process.exit(1);
  }
}

async function run(options: RouterLaunchOptions, workers: readonly Worker[], log: Logger): Promise<void> {
  let want: () => void = () => undefined;
  const wanted = options.standsBy ? new Promise<void>((resolve) => (want = resolve)) : Promise.resolve();
  const onFatal = (reason: string) => {
    log.fatal({ reason }, 'forwarding thread failed; router exits');
    process.exit(1);
  };
  const router = new RouterProcess({ ...options, workers }, log, onFatal, () => process.exit(0));
  const stop = () => {
    void router.stop().then(() => process.exit(0));
  };
  process.once('SIGTERM', stop);
  // Ctrl-C reaches the whole terminal session; a supervisor stops its children in order.
  const supervisorPid = process.env[SUPERVISOR_PID_VARIABLE];
  for (const signal of ['SIGINT', 'SIGHUP'] as const)
    process.on(signal, supervisorPid === undefined ? stop : () => undefined);
  answerQuestions({
    fd: process.env[BEAT_FD_VARIABLE],
    works: () => router.takeBeats(),
    onQuestion: (question) => {
      if (question === QUESTION.forward) want();
    },
  });
  watchParent({
    supervisorPid,
    parentPid: () => process.ppid,
    clock: systemClock,
    onOrphaned: () => systemClock.after(router.forwards ? FORWARD_WITHOUT_SUPERVISOR_MS : 0, stop),
  });
  router.load();
  await wanted;
  if (options.standsBy) process.title = `node ${join(dirname(process.argv[1]!), 'router.js')}`;
  await router.forward();
}
