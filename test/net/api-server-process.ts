/** Process with the stand-in for the Kubernetes API server, in the network namespace of a node. */
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import type { NetworkNamespace } from '../../deploy/demo/machine/network-namespace.js';
import type { TestNode } from '../../kube/testing/node-objects.js';
import { DIST_DIR } from './cluster-fixture.js';

export class ApiServerProcess {
  #process: ChildProcess | null = null;

  constructor(
    readonly address: string,
    readonly port: number,
  ) {}

  get url(): string {
    return `http://${this.address}:${this.port}`;
  }

  start(namespace: NetworkNamespace): void {
    const program = [join(DIST_DIR, 'api-server.js'), this.address, `${this.port}`];
    this.#process = namespace.spawn(process.execPath, program, ['pipe', 2, 2]);
  }

  put(node: TestNode): void {
    this.#change({ put: node });
  }

  delete(name: string): void {
    this.#change({ delete: name });
  }

  kill(): void {
    this.#process?.kill('SIGKILL');
  }

  #change(change: object): void {
    this.#process!.stdin!.write(`${JSON.stringify(change)}\n`);
  }
}
