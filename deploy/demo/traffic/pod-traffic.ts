/** Traffic between pods: runs the programs of `programs.ts` in network namespaces and reads their output. */
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DemoError } from '../../../common/errors.js';
import type { NetworkNamespace } from '../machine/network-namespace.js';
import type { TransferReport } from './programs.js';

export interface Transfer {
  readonly from: NetworkNamespace;
  readonly to: NetworkNamespace;
  /** Address of the receiver. */
  readonly address: string;
  readonly bytes: number;
  /** 0: no limit. */
  readonly bytesPerSecond: number;
}

export interface TransferOutcome {
  /** Whether all bytes arrived unchanged. */
  readonly intact: boolean;
  readonly bytes: number;
  readonly seconds: number;
}

const FIRST_PORT = 20_000;
const PORTS = 10_000;
const TRANSFER_TIMEOUT_MS = 60_000;
const ASK_TIMEOUT_MS = 8000;

export class PodTraffic {
  #nextPort = 0;

  constructor(readonly distDir: string) {}

  /** Transfer over one TCP connection. Throws {@link DemoError} when either side fails. */
  async transfer(transfer: Transfer): Promise<TransferOutcome> {
    const port = this.#port();
    const receiver = this.#start(transfer.to, ['receive', `${port}`], TRANSFER_TIMEOUT_MS);
    try {
      await receiver.line();
      const { address, bytes, bytesPerSecond } = transfer;
      const args = ['send', address, `${port}`, `${bytes}`, `${bytesPerSecond}`];
      const sender = this.#start(transfer.from, args, TRANSFER_TIMEOUT_MS);
      const sent = (await sender.line()) as TransferReport;
      const received = (await receiver.line()) as TransferReport;
      const intact = received.bytes === bytes && received.sha256 === sent.sha256;
      return { intact, bytes: received.bytes, seconds: received.seconds };
    } finally {
      receiver.stop();
    }
  }

  /** Source address of a connection from `from`, as a listener in `to` sees it. */
  async observedSource(from: NetworkNamespace, to: NetworkNamespace, address: string): Promise<string> {
    const port = this.#port();
    const reflector = this.#start(to, ['reflect', `${port}`], TRANSFER_TIMEOUT_MS);
    try {
      await reflector.line();
      const asked = this.#start(from, ['ask', address, `${port}`], ASK_TIMEOUT_MS);
      return ((await asked.line()) as { readonly answer: string }).answer;
    } finally {
      reflector.stop();
    }
  }

  #port(): number {
    return FIRST_PORT + (this.#nextPort++ % PORTS);
  }

  #start(namespace: NetworkNamespace, args: readonly string[], timeoutMs: number): TrafficProgram {
    const script = [join(this.distDir, 'demo.js'), 'traffic', ...args];
    const child = namespace.spawn(process.execPath, script, ['ignore', 'pipe', 'pipe']);
    return new TrafficProgram(child, `traffic ${args[0] ?? ''} in ${namespace.name}`, timeoutMs);
  }
}

class TrafficProgram {
  readonly #lines: AsyncIterator<string>;
  readonly #timer: NodeJS.Timeout;
  #stderr = '';

  constructor(
    readonly child: ChildProcess,
    readonly label: string,
    timeoutMs: number,
  ) {
    this.#lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text));
    child.on('error', (error) => (this.#stderr += error.message));
    this.#timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
    child.on('close', () => clearTimeout(this.#timer));
  }

  /** Next line of its output, decoded. Throws {@link DemoError} when it ends before. */
  async line(): Promise<unknown> {
    const next = await this.#lines.next();
    if (next.done !== true) return JSON.parse(next.value) as unknown;
    throw new DemoError(
      `${this.label} ended without its report: ${this.#stderr.trim().slice(-300) || 'killed or timed out'}`,
    );
  }

  stop(): void {
    this.child.kill('SIGKILL');
  }
}
