/**
 * Entry of a forwarding thread: warms the forwarder up, reports that it is ready, and enters the loop. `parentPort` carries
 * events to the main thread; a second port carries commands, and the thread reads it itself.
 */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import { assert } from '../../common/errors.js';
import type { ForwarderCommand, ForwarderOptions } from '../forwarder.js';
import { Forwarder } from '../forwarder.js';
import { MAX_PENDING_EVENTS } from '../limits.js';
import { WarmUp } from './warm-up.js';
import { FLAG_BEATS, FLAG_COMMANDS, FLAG_EVENTS_TAKEN } from './worker-flags.js';

export interface WorkerData {
  readonly options: ForwarderOptions;
  readonly commands: MessagePort;
  /** Words as in `worker-flags.ts`. */
  readonly flags: SharedArrayBuffer;
}

function start(): void {
  assert(parentPort !== null, 'the forwarding thread has a parent');
  const port = parentPort;
  const { options, commands, flags } = workerData as WorkerData;
  const words = new Int32Array(flags);
  let emitted = 0;
  const warmUp = new WarmUp(options.family, options.tapFds.length);
  let warm = false;
  const standIns = { ...options, ...warmUp.standIns };
  const forwarder = new Forwarder(standIns, {
    commandsWaiting: () => warm && words[FLAG_COMMANDS] === 1 && Atomics.exchange(words, FLAG_COMMANDS, 0) === 1,
    nextCommand: () => receiveMessageOnPort(commands)?.message as ForwarderCommand | undefined,
    emit: (event) => {
      if (!warm) return true;
      if (((emitted - Atomics.load(words, FLAG_EVENTS_TAKEN)) | 0) >= MAX_PENDING_EVENTS) return false;
      emitted = (emitted + 1) | 0;
      port.postMessage(event);
      return true;
    },
    beat: () => void Atomics.add(words, FLAG_BEATS, 1),
    nowMs: () => performance.now(),
  });
  warmUp.run(forwarder);
  warmUp.replace(options);
  warm = true;
  port.postMessage({ type: 'ready', engine: forwarder.engine });
  // The loop starts once the main thread says so: it may have privileges to drop first.
  port.once('message', () => {
    forwarder.run();
    process.exit(0);
  });
}

start();
