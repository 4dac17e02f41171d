/** Process with the stand-in for the Kubernetes API server, in the network namespace of a node. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { NetworkNamespace } from '../../deploy/demo/machine/network-namespace.js';
import type { TestNode } from '../../kube/testing/node-objects.js';
import { DIST_DIR } from './cluster-fixture.js';

const PODS_PATH = '/api/v1/pods';
const NAMESPACES_PATH = '/api/v1/namespaces';

export interface ShownServer {
  readonly nodes: readonly (TestNode & {
    readonly metadata: { readonly annotations?: Readonly<Record<string, string>> };
    readonly status: { readonly conditions?: readonly object[] };
  })[];
  readonly created: readonly { readonly path: string; readonly object: unknown }[];
  readonly used: readonly string[];
}

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
    this.#process = namespace.spawn(process.execPath, program, ['pipe', 'pipe', 2]);
  }

  /** What it holds, and which rights requests needed so far. */
  async shown(): Promise<ShownServer> {
    const answer = once(createInterface({ input: this.#process!.stdout! }), 'line') as Promise<[string]>;
    this.#change({ show: true });
    return JSON.parse((await answer)[0]) as ShownServer;
  }

  put(node: TestNode): void {
    this.#change({ put: node });
  }

  delete(name: string): void {
    this.#change({ delete: name });
  }

  /** Of the collection with this path. */
  putObject(path: string, object: object): void {
    this.#change({ path, put: object });
  }

  /** Tells of a pod and its namespace, as the API server does before the kubelet starts it; of others everything is denied. */
  putPod(namespace: string, name: string, metadata: { uid?: string } = {}, status: object = {}): void {
    this.putObject(NAMESPACES_PATH, {
      metadata: { name: namespace, labels: { 'kubernetes.io/metadata.name': namespace } },
    });
    this.putObject(PODS_PATH, { metadata: { namespace, name, labels: { app: name }, ...metadata }, spec: {}, status });
  }

  /** Has the kind with this path from now on, as after the installation of its CRD. */
  install(path: string): void {
    this.#change({ install: path });
  }

  /** Tells of changes of this collection so much later. */
  slowWatch(path: string, ms: number): void {
    this.#change({ slow: path, ms });
  }

  /** Gives and takes a right, as `list nodes`. */
  setRight(right: string, isGiven: boolean): void {
    this.#change(isGiven ? { give: right } : { take: right });
  }

  /** @param key `namespace/name` */
  deleteObject(path: string, key: string): void {
    this.#change({ path, delete: key });
  }

  kill(): void {
    this.#process?.kill('SIGKILL');
  }

  #change(change: object): void {
    this.#process!.stdin!.write(`${JSON.stringify(change)}\n`);
  }
}
