/**
 * Owner of everything the benchmark makes on this machine: network namespaces, processes, a folder. Objects of one case are
 * removed by {@link Lab.clear}, all objects by {@link Lab.close}, also while work is going on.
 */
import type { ChildProcess, StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { BenchError, messageOf } from '../../common/errors.js';
import { HostFootprint } from '../../deploy/demo/machine/host-footprint.js';
import { NetworkNamespace, listNamespaces, removeNamespace } from '../../deploy/demo/machine/network-namespace.js';
import { kill, signal, waitUntilGone } from '../../deploy/demo/machine/processes.js';
import { RunDirectory } from '../../deploy/demo/machine/run-directory.js';

const STOP_TIMEOUT_MS = 2000;

/** A program that runs until it is stopped. */
export interface Service {
  /** Sends SIGTERM, and SIGKILL if the process does not end. */
  stop(): Promise<void>;
}

export class Lab {
  /** Of the case that is being measured; emptied with it. */
  readonly folder: string;
  /** Bounded, as the next two, by what one case makes. */
  readonly #creating = new Set<Promise<NetworkNamespace>>();
  /** Process ids of what was started and has not ended. */
  readonly #running = new Set<number>();
  readonly #cleanUps: (() => Promise<void>)[] = [];
  #clearing: Promise<string[]> = Promise.resolve([]);
  #closed = false;

  private constructor(
    private readonly run: RunDirectory,
    private readonly footprint: HostFootprint,
  ) {
    this.folder = join(run.path, 'case');
    mkdirSync(this.folder);
  }

  /** Removes leftovers of a killed benchmark or demo, and records the state of the host. */
  static async open(): Promise<Lab> {
    const footprint = await HostFootprint.take();
    return new Lab(await RunDirectory.create(), footprint);
  }

  async createNamespace(name: string): Promise<NetworkNamespace> {
    this.#checkOpen();
    const creating = NetworkNamespace.create(`${this.run.prefix}${name}`);
    this.#creating.add(creating);
    return creating.finally(() => this.#creating.delete(creating));
  }

  /** Starts a program with its output in a log file in the folder. */
  start(namespace: NetworkNamespace, label: string, program: string, args: readonly string[]): Service {
    this.#checkOpen();
    const log = openSync(join(this.folder, `${label}.log`), 'a', 0o600);
    const child = this.#spawn(namespace, program, args, ['ignore', log, log]).on('error', () => {
      /* it is not running, which whoever waits for it will notice */
    });
    closeSync(log);
    const pids = child.pid === undefined ? [] : [child.pid];
    return {
      stop: async () => {
        for (const pid of pids) signal(pid, 'SIGTERM');
        if (!(await waitUntilGone(pids, STOP_TIMEOUT_MS))) await kill(pids);
      },
    };
  }

  /**
   * Runs a program to its end with any exit code, and gives its standard output or, if that is empty, its
   * standard error. Throws {@link BenchError} when it takes too long.
   */
  async capture(
    namespace: NetworkNamespace,
    program: string,
    args: readonly string[],
    timeoutMs: number,
  ): Promise<string> {
    this.#checkOpen();
    const child = this.#spawn(namespace, program, args, ['ignore', 'pipe', 'pipe']);
    const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
    try {
      const [output, complaint] = await Promise.all([text(child.stdout!), text(child.stderr!), once(child, 'close')]);
      if (child.killed) throw new BenchError(`${program} did not end within ${timeoutMs / 1000} s`);
      return output === '' ? complaint : output;
    } finally {
      clearTimeout(timer);
    }
  }

  /** `work` is done before the namespaces are removed, the last one given first. */
  beforeClear(work: () => Promise<void>): void {
    this.#checkOpen();
    this.#cleanUps.push(work);
  }

  /** Ends a case. @returns what could not be removed, as text */
  async clear(): Promise<string[]> {
    this.#checkOpen();
    this.#clearing = this.#removeAll();
    const problems = await this.#clearing;
    this.#checkOpen();
    mkdirSync(this.folder);
    return problems;
  }

  /**
   * Ends everything, at any time; every other method throws {@link BenchError} from then on.
   * @returns what is still there, as text
   */
  async close(): Promise<string[]> {
    this.#closed = true;
    await this.#clearing;
    const problems = await this.#removeAll();
    this.run.remove();
    return [...problems, ...(await this.footprint.leftovers(this.run.prefix))];
  }

  #spawn(namespace: NetworkNamespace, program: string, args: readonly string[], stdio: StdioOptions): ChildProcess {
    const child = namespace.spawn(program, args, stdio);
    const { pid } = child;
    if (pid !== undefined) {
      this.#running.add(pid);
      child.on('exit', () => this.#running.delete(pid));
    }
    return child;
  }

  #checkOpen(): void {
    if (this.#closed) throw new BenchError('the benchmark is being ended');
  }

  async #removeAll(): Promise<string[]> {
    const problems: string[] = [];
    const attempt = async (work: () => Promise<void>): Promise<void> => {
      await work().catch((thrown: unknown) => problems.push(messageOf(thrown)));
    };
    await Promise.allSettled(this.#creating);
    for (let work = this.#cleanUps.pop(); work !== undefined; work = this.#cleanUps.pop()) await attempt(work);
    await attempt(() => kill([...this.#running]));
    const ours = listNamespaces().filter((name) => name.startsWith(this.run.prefix));
    await Promise.all(ours.map((name) => attempt(() => removeNamespace(name))));
    rmSync(this.folder, { recursive: true, force: true });
    return problems;
  }
}
