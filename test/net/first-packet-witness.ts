/** Process of `first-packet-witness.py`: packets that are sent and seen in many pods, from before they have an interface. */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { NetworkNamespace } from '../../deploy/demo/machine/network-namespace.js';

export interface SeenPacket {
  /** Names of the pods. */
  readonly place: string;
  readonly sender: string;
  readonly source: string;
  readonly destination: string;
  readonly port: number;
}

export class FirstPacketWitness {
  readonly #process: ChildProcess;
  readonly #answers: AsyncIterator<string>;
  /** One question at a time. */
  #asked: Promise<unknown> = Promise.resolve();

  constructor() {
    const program = resolve('test/net/first-packet-witness.py');
    this.#process = spawn('python3', [program], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#answers = createInterface({ input: this.#process.stdout! })[Symbol.asyncIterator]();
  }

  /** Sends to all targets from now on, and sees what comes in. */
  async open(
    name: string,
    namespace: NetworkNamespace,
    targets: readonly (readonly [string, number])[],
  ): Promise<void> {
    await this.#ask({ open: name, netns: namespace.path, targets });
  }

  async close(names: readonly string[]): Promise<void> {
    await this.#ask({ close: names });
  }

  /** All that differ, of all places so far. */
  async seen(): Promise<readonly SeenPacket[]> {
    const seen = (await this.#ask({ seen: true })) as [string, string, string, string, number][];
    return seen.map(([place, sender, source, destination, port]) => ({ place, sender, source, destination, port }));
  }

  end(): void {
    this.#process.stdin!.end();
  }

  #ask(command: object): Promise<unknown> {
    const answer = this.#asked.then(async () => {
      this.#process.stdin!.write(`${JSON.stringify(command)}\n`);
      return JSON.parse((await this.#answers.next()).value as string) as unknown;
    });
    this.#asked = answer;
    return answer;
  }
}
