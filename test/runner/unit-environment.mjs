/**
 * Jest environment of the unit tests: Node's, in which sockets, child processes, threads and timers that wait throw. A
 * unit test that needs one of them is slow or depends on the machine's load; it belongs into the integration tests.
 * Socket calls through koffi are refused by `koffi-without-sockets.mjs`.
 */
import { createRequire } from 'node:module';
import asyncHooks from 'node:async_hooks';
import childProcess from 'node:child_process';
import dgram from 'node:dgram';
import net from 'node:net';
import timersPromises from 'node:timers/promises';
import workerThreads from 'node:worker_threads';
import { TestEnvironment } from 'jest-environment-node';
import './compile-cache.mjs';
import { refuse } from './refuse.mjs';

/** The functions that every way to do it ends in. Core modules are shared by all test files of a Jest worker. */
const FORBIDDEN = [
  [net.Server.prototype, ['listen'], 'listen on a socket'],
  [net.Socket.prototype, ['connect'], 'connect a socket'],
  [dgram.Socket.prototype, ['bind', 'connect', 'send'], 'use a UDP socket'],
  [childProcess.ChildProcess.prototype, ['spawn'], 'start a process'],
  [childProcess, ['spawnSync', 'execSync', 'execFileSync'], 'start a process'],
  [workerThreads, ['Worker'], 'start a thread'],
  [timersPromises, ['setTimeout', 'setInterval'], 'wait on a real timer'],
];
const require = createRequire(import.meta.url);

let typescript;
/** Takes half a second to load and 0.3 s to find the imports of all sources, and the tests of the architecture are several files. */
function sharedTypescript() {
  if (typescript === undefined) {
    const loaded = require('typescript');
    const byText = new Map();
    const preProcessFile = (text, ...rest) => {
      if (!byText.has(text)) byText.set(text, loaded.preProcessFile(text, ...rest));
      return byText.get(text);
    };
    typescript = Object.create(loaded, { preProcessFile: { value: preProcessFile } });
  }
  return typescript;
}

export default class UnitEnvironment extends TestEnvironment {
  #restore = [];
  #storages = [];

  async setup() {
    await super.setup();
    for (const [owner, names, what] of FORBIDDEN) {
      for (const name of names)
        this.#replace(owner, name, function refused() {
          refuse(what);
        });
    }
    this.#recordStorages();
    Object.defineProperty(this.global, 'loadedTypescript', { get: sharedTypescript, configurable: true });
  }

  /** Jest has taken the timers that it needs itself before this event. */
  handleTestEvent({ name }) {
    if (name !== 'setup') return;
    const { setTimeout } = this.global;
    this.global.setTimeout = (callback, delayMs, ...rest) =>
      delayMs > 0 ? refuse('wait on a real timer') : setTimeout(callback, delayMs, ...rest);
    this.global.setInterval = () => refuse('wait on a real timer');
  }

  async teardown() {
    for (const storage of this.#storages) storage.disable();
    for (const restore of this.#restore) restore();
    await super.teardown();
  }

  /** Jest's runner leaves an enabled one behind for every test file, and each of them makes every later promise dearer. */
  #recordStorages() {
    const storages = this.#storages;
    const { AsyncLocalStorage } = asyncHooks;
    this.#replace(
      asyncHooks,
      'AsyncLocalStorage',
      class extends AsyncLocalStorage {
        constructor(...args) {
          super(...args);
          storages.push(this);
        }
      },
    );
  }

  #replace(owner, name, replacement) {
    const original = owner[name];
    owner[name] = replacement;
    this.#restore.push(() => (owner[name] = original));
  }
}
