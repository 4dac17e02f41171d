/** Entry of the router process: options from its parent's environment, signals, and the end. */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { messageOf } from '../common/errors.js';
import type { LogLevel } from '../common/log.js';
import { createLogger } from '../common/log.js';
import type { RouterProcessOptions } from './router-process.js';
import { RouterProcess } from './router-process.js';

const PARENT_POLL_MS = 1000;

/** Runs the router of this process until it is told to stop. */
export async function runRouter(): Promise<void> {
  const text = process.env['HEDDLE_ROUTER_OPTIONS'] ?? '{}';
  const options = JSON.parse(text) as Omit<RouterProcessOptions, 'workerProgram'> & { logLevel?: LogLevel };
  const log = createLogger('router', options.logLevel ?? 'info');
  if (!Array.isArray(options.tapFds) || !Array.isArray(options.udpFds)) {
    log.fatal('the router is started by meshd, which gives it its descriptors in HEDDLE_ROUTER_OPTIONS');
    process.exit(78);
  }
  const workerProgram = join(dirname(fileURLToPath(import.meta.url)), 'router-worker.js');
  const router = new RouterProcess({ ...options, workerProgram }, log, (reason) => {
    log.fatal({ reason }, 'forwarding stopped');
    process.exit(1);
  });
  const stop = () => {
    void router.stop().then(() => process.exit(0));
  };
  process.once('SIGTERM', stop);
  // Ctrl-C reaches the whole terminal session; a supervisor stops its children in order.
  const supervised = process.env['HEDDLE_SUPERVISOR_PID'] !== undefined;
  for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, supervised ? () => undefined : stop);
  watchParent(stop);
  try {
    await router.start();
  } catch (thrown) {
    log.fatal({ reason: messageOf(thrown) }, 'the router cannot start');
    process.exit(1);
  }
}

/** A supervisor that was killed cannot tell: its children get another parent. */
function watchParent(onOrphaned: () => void): void {
  const parent = Number(process.env['HEDDLE_SUPERVISOR_PID'] ?? process.ppid);
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    onOrphaned();
  }, PARENT_POLL_MS);
  timer.unref();
}

await runRouter();
