/**
 * Entry of a forwarding thread: warms the forwarder up, unless pods wait for it, reports that it is ready, and enters the loop.
 * `parentPort` carries events to the main thread; a second port carries commands, and the thread reads it itself.
 */
import { parentPort, receiveMessageOnPort } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import { assert } from '../../common/errors.js';
import type { EngineStatus, PeerPath } from '../../common/router-port.js';
import type { EngineSpeeds } from '../aead/selection.js';
import type { ForwarderCommand } from '../forwarder-messages.js';
import type { ForwarderDeps, ForwarderOptions } from '../forwarder-options.js';
import { Forwarder } from '../forwarder.js';
import { ownQueues } from '../inside/indirection-table.js';
import { dropBoundingSet, dropCapabilities, forbidNewPrivileges } from '../kernel/privileges.js';
import { MAX_PENDING_EVENTS } from '../limits.js';
import type { SessionState } from '../tables/session-state.js';
import { WarmUp } from './warm-up.js';
import { FLAG_BEATS, FLAG_COMMANDS, FLAG_EVENTS_TAKEN } from './worker-flags.js';

/** First message of the main thread. */
export interface Assignment {
  readonly options: ForwarderOptions;
  readonly commands: MessagePort;
  /** Words as in `worker-flags.ts`. */
  readonly flags: SharedArrayBuffer;
  readonly warmUp: boolean;
  /** True when the process stays user 0. */
  readonly dropsCapabilities: boolean;
}

/** First message of the thread: its AEAD engine, and the speeds of all. */
export interface ThreadReady {
  readonly type: 'ready';
  readonly engine: EngineStatus;
  readonly engineSpeeds: EngineSpeeds;
}

export interface ThreadState {
  readonly paths: readonly PeerPath[];
  readonly sessions: readonly SessionState[];
}

/** Last message of the thread after a `retire` command: it seals nothing any more. */
export interface ThreadRetired {
  readonly type: 'retired';
  readonly state: ThreadState;
}

function start(port: MessagePort, { options, commands, flags, warmUp, dropsCapabilities }: Assignment): void {
  // Both are a thread's own, and this one was started before the main thread gave its privileges up.
  forbidNewPrivileges();
  dropBoundingSet();
  if (dropsCapabilities) dropCapabilities();
  const words = new Int32Array(flags);
  let emitted = 0;
  const deps: ForwarderDeps = {
    commandsWaiting: () => words[FLAG_COMMANDS] === 1 && Atomics.exchange(words, FLAG_COMMANDS, 0) === 1,
    nextCommand: () => receiveMessageOnPort(commands)?.message as ForwarderCommand | undefined,
    emit: (event) => {
      if (((emitted - Atomics.load(words, FLAG_EVENTS_TAKEN)) | 0) >= MAX_PENDING_EVENTS) return false;
      emitted = (emitted + 1) | 0;
      port.postMessage(event);
      return true;
    },
    beat: () => void Atomics.add(words, FLAG_BEATS, 1),
    nowMs: () => performance.now(),
  };
  const forwarder = warmUp ? warmForwarder(options, deps) : new Forwarder(options, deps);
  const { engine, engineSpeeds } = forwarder;
  port.postMessage({ type: 'ready', engine, engineSpeeds } satisfies ThreadReady);
  // The loop starts once the main thread says so: it may have privileges to drop first.
  port.once('message', () => {
    if (forwarder.run() === 'retire') {
      const state = { paths: forwarder.report().paths, sessions: forwarder.sessions.states(deps.nowMs()) };
      port.postMessage({ type: 'retired', state } satisfies ThreadRetired);
    }
    forwarder.sessions.clear();
    process.exit(0);
  });
}

/** Its commands wait, and its events are dropped, until it is warm. */
function warmForwarder(options: ForwarderOptions, deps: ForwarderDeps): Forwarder {
  const warmUp = new WarmUp(options.family, options.tapFds.length, ownQueues(options));
  let warm = false;
  const forwarder = new Forwarder(
    { ...options, ...warmUp.standIns },
    {
      ...deps,
      commandsWaiting: () => warm && deps.commandsWaiting(),
      emit: (event) => !warm || deps.emit(event),
    },
  );
  warmUp.run(forwarder);
  warmUp.replace(options);
  warm = true;
  return forwarder;
}

assert(parentPort !== null, 'the forwarding thread has a parent');
const mainThread = parentPort;
mainThread.once('message', (assignment: Assignment) => start(mainThread, assignment));
