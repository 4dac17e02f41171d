/**
 * Entry of the router process: starts the forwarding threads first, and loads everything else while they load, since pods wait
 * for a router that is restarted. It imports as little as possible before: `run-router.ts` is a program of its own for the build.
 */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { messageOf } from '../../common/errors.js';
import {
  EXIT_CONFIG_INVALID,
  parseRouterLaunchOptions,
  ROUTER_OPTIONS_VARIABLE,
} from '../../common/launch-contract.js';
import type { RouterLaunchOptions } from '../../common/launch-contract.js';

/** Null when the options are missing or malformed, which is logged. */
async function readOptions(): Promise<RouterLaunchOptions | null> {
  try {
    return parseRouterLaunchOptions(process.env[ROUTER_OPTIONS_VARIABLE]);
  } catch (thrown) {
    const { createLogger } = await import('./run-router.js');
    createLogger('router').fatal({ reason: messageOf(thrown) }, 'router cannot start');
    return null;
  }
}

const options = await readOptions();
if (options === null) process.exit(EXIT_CONFIG_INVALID);
const program = join(dirname(fileURLToPath(import.meta.url)), 'router-worker.js');
const workers = Array.from({ length: options.lanes }, () => new Worker(program));
const { runRouter } = await import('./run-router.js');
await runRouter(options, workers);
