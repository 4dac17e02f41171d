/** Program of `payloads.mjs` in a pod. */
import { expect } from '@jest/globals';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { NetworkNamespace } from '../../deploy/demo/machine/network-namespace.js';

const RUN_TIMEOUT_MS = 40_000;
const PAYLOADS = resolve('test/net/payloads.mjs');

/** Result of a program in a pod. */
export type Report = Readonly<Record<string, unknown>>;

export class PodProgram {
  readonly #process: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(namespace: NetworkNamespace, args: readonly string[]) {
    const program = [process.execPath, '--no-deprecation', PAYLOADS, ...args];
    this.#process = spawn('nsenter', [`--net=${namespace.path}`, ...program], {
      stdio: ['pipe', 'pipe', 'inherit'],
      timeout: RUN_TIMEOUT_MS,
    });
    this.#lines = createInterface({ input: this.#process.stdout! })[Symbol.asyncIterator]();
  }

  async line(): Promise<string> {
    const { value, done } = await this.#lines.next();
    expect(done).not.toBe(true);
    return value as string;
  }

  /** Ends its standard input, at which programs without a limit of their own stop. */
  stop(): void {
    this.#process.stdin!.end();
  }

  async report(): Promise<Report> {
    return JSON.parse(await this.line()) as Report;
  }
}
