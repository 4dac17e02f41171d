/** Handle of the main thread on one forwarding thread: assignment, commands, events. */
import { MessageChannel } from 'node:worker_threads';
import type { MessagePort, Worker } from 'node:worker_threads';
import { HeddleError, messageOf } from '../../common/errors.js';
import { Arena } from '../kernel/arena.js';
import { sysEventfd, sysWrite } from '../kernel/ffi.js';
import type { ForwarderCommand, ForwarderEvent } from '../forwarder-messages.js';
import type { ForwarderOptions } from '../forwarder-options.js';
import { O_CLOEXEC, O_NONBLOCK } from '../kernel/linux-abi.js';
import type { Assignment, ThreadReady, ThreadRetired, ThreadState } from './router-worker.js';
import { FLAG_BEATS, FLAG_COMMANDS, FLAG_COUNT, FLAG_EVENTS_TAKEN } from './worker-flags.js';

export type ThreadOptions = Omit<ForwarderOptions, 'wakeFd'>;

export interface ForwardingThreadListener {
  onEvent(event: ForwarderEvent): void;
  /** The thread ended without a `stop` command. */
  onFailure(reason: string): void;
}

export type ThreadStart = Pick<Assignment, 'warmUp' | 'dropsCapabilities'>;

export class ForwardingThread {
  readonly #commands: MessagePort;
  readonly #flags = new Int32Array(new SharedArrayBuffer(FLAG_COUNT * 4));
  readonly #arena = new Arena(4096);
  readonly #wakeFd: number;
  #stopping = false;
  #onRetired: (state: ThreadState) => void = () => undefined;
  /** Resolves once the thread is ready. */
  readonly ready: Promise<ThreadReady>;

  constructor(
    private readonly worker: Worker,
    options: ThreadOptions,
    start: ThreadStart,
    listener: ForwardingThreadListener,
  ) {
    this.#wakeFd = sysEventfd(0, O_NONBLOCK | O_CLOEXEC);
    this.#arena.u32[16] = 1;
    const { port1, port2 } = new MessageChannel();
    this.#commands = port1;
    const assignment: Assignment = {
      options: { ...options, wakeFd: this.#wakeFd },
      commands: port2,
      flags: this.#flags.buffer,
      ...start,
    };
    worker.postMessage(assignment, [port2]);
    this.ready = new Promise((resolve, reject) => {
      this.worker.on('message', (event: ForwarderEvent | ThreadReady | ThreadRetired) => {
        if (event.type === 'ready') return resolve(event);
        if (event.type === 'retired') return this.#onRetired(event.state);
        Atomics.add(this.#flags, FLAG_EVENTS_TAKEN, 1);
        listener.onEvent(event);
      });
      this.worker.on('error', (thrown) => {
        const reason = messageOf(thrown);
        reject(new HeddleError('PLATFORM_UNSUPPORTED', `forwarding thread failed: ${reason}`));
        listener.onFailure(reason);
      });
      this.worker.on('exit', (code) => {
        if (!this.#stopping) listener.onFailure(`exit code ${code}`);
      });
    });
  }

  /** Starts the loop. From then on the thread reads its commands itself. */
  run(): void {
    this.worker.postMessage('run');
  }

  command(command: ForwarderCommand): void {
    this.#commands.postMessage(command);
    Atomics.store(this.#flags, FLAG_COMMANDS, 1);
    sysWrite(this.#wakeFd, this.#arena.base + 64, 8);
  }

  /** Beats of the loop so far, one for each `beat` command. */
  get beats(): number {
    return Atomics.load(this.#flags, FLAG_BEATS);
  }

  /** Asks for one more beat. */
  askForBeat(): void {
    this.command({ type: 'beat' });
  }

  /** Ends the thread. Resolves with its state when it has ended its loop. */
  retire(): Promise<ThreadState> {
    this.#stopping = true;
    return new Promise((resolve) => {
      this.#onRetired = resolve;
      this.command({ type: 'retire' });
    });
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    const ended = new Promise((resolve) => this.worker.once('exit', resolve));
    this.command({ type: 'stop' });
    await ended;
  }
}
