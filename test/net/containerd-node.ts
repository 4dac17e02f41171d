/**
 * containerd of one node of a test cluster: a daemon in the node's network namespace, with its files in a folder of its own and
 * the CNI folders in which the agent installs, driven over CRI as a kubelet does. {@link close} removes every pod.
 */
import { randomUUID } from 'node:crypto';
import { closeSync, copyFileSync, existsSync, mkdirSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hostCommands } from '../../common/host/command.js';
import { DemoError } from '../../common/errors.js';
import type { DemoNode } from '../../deploy/demo/cluster/demo-node.js';
import { waitUntil } from '../../deploy/demo/async/wait-until.js';
import { kill, signal, waitUntilGone } from '../../deploy/demo/machine/processes.js';
import { BUSYBOX_IMAGE } from './busybox-image.js';
import { REFERENCE_PLUGIN_FOLDER } from './chain-runtime.js';
import { CriClient } from './cri-client.js';
import type { Message } from './cri-messages.js';

export const LOOPBACK_PLUGIN = join(REFERENCE_PLUGIN_FOLDER, 'loopback');
const START_WITHIN_MS = 30_000;
const STOP_WITHIN_MS = 5_000;
/** Of runtime.v1: process and IPC namespaces of their own, the network by CNI, or that of the node. */
export const HOST_NETWORK = { network: 2, pid: 1, ipc: 0 };
const NAMESPACES = { network: 0, pid: 1, ipc: 0 };

export interface RuntimePod extends NodeContainer {
  readonly ips: readonly string[];
}

/** Container of an image that the test has imported, in the network of its node. */
export interface NodeContainer {
  readonly sandboxId: string;
  readonly containerId: string;
}

export class ContainerdNode {
  #pid: number | null = null;
  #client: CriClient | null = null;
  readonly #sandboxIds = new Set<string>();

  constructor(
    readonly node: DemoNode,
    readonly folder: string,
    /** Program in whose place the daemon runs, with its arguments: one that changes its mounts. */
    readonly launcher: readonly string[] = [],
  ) {}

  get cri(): CriClient {
    if (this.#client === null) throw new DemoError(`containerd of ${this.node.name} does not run`);
    return this.#client;
  }

  async start(): Promise<void> {
    mkdirSync(this.folder, { recursive: true });
    // The runtime calls it for every pod before the plugins of the list.
    mkdirSync(this.node.cniBinDir, { recursive: true });
    copyFileSync(LOOPBACK_PLUGIN, join(this.node.cniBinDir, 'loopback'));
    writeFileSync(join(this.folder, 'containerd.toml'), this.#configuration());
    const log = openSync(join(this.folder, 'containerd.log'), 'a');
    const command = [...this.launcher, 'containerd', '--config', join(this.folder, 'containerd.toml')];
    const daemon = this.node.namespace.spawn('env', command, ['ignore', log, log]);
    closeSync(log);
    this.#pid = daemon.pid ?? null;
    await waitUntil(`containerd of ${this.node.name}`, START_WITHIN_MS, async () => {
      if (!existsSync(this.#socket)) return false;
      this.#client?.close();
      this.#client = new CriClient(this.#socket);
      await this.#client.call('Status', {});
      return true;
    });
  }

  /** Pods keep running. */
  async stop(): Promise<void> {
    this.#client?.close();
    this.#client = null;
    if (this.#pid === null) return;
    signal(this.#pid, 'SIGTERM');
    if (!(await waitUntilGone([this.#pid], STOP_WITHIN_MS))) await kill([this.#pid]);
    this.#pid = null;
  }

  async importImage(archive: string): Promise<void> {
    await hostCommands.run('ctr', ['--address', this.#socket, '--namespace', 'k8s.io', 'images', 'import', archive]);
  }

  /** What the runtime tells the kubelet about the network; empty when it is ready. */
  async networkProblem(): Promise<string> {
    const { status } = (await this.cri.call('Status', {})) as { status: { conditions: readonly Message[] } };
    const network = status.conditions.find(({ type }) => type === 'NetworkReady');
    return network?.['status'] === 1 ? '' : String(network?.['message']);
  }

  async runPod(name: string, uid = randomUUID() as string): Promise<RuntimePod> {
    const config = this.#sandbox(name, NAMESPACES, uid);
    const { id } = (await this.cri.call('RunPodSandbox', { config })) as { id: string };
    this.#sandboxIds.add(id);
    const container = {
      metadata: { name: 'main', attempt: 0 },
      image: { image: BUSYBOX_IMAGE },
      linux: { securityContext: { namespaceOptions: NAMESPACES, capabilities: { add: ['NET_RAW'] } } },
    };
    const request = { podSandboxId: id, config: container, sandboxConfig: config };
    const created = (await this.cri.call('CreateContainer', request)) as { id: string };
    await this.cri.call('StartContainer', created);
    return { sandboxId: id, containerId: created.id, ips: await this.#addresses(id) };
  }

  /** Starts a container of the node's own network, without CNI. */
  async runNodeContainer(name: string, container: Message): Promise<NodeContainer> {
    const config = this.#sandbox(name, HOST_NETWORK);
    const { id: sandboxId } = (await this.cri.call('RunPodSandbox', { config })) as { id: string };
    this.#sandboxIds.add(sandboxId);
    const request = { podSandboxId: sandboxId, config: container, sandboxConfig: config };
    const { id: containerId } = (await this.cri.call('CreateContainer', request)) as { id: string };
    await this.cri.call('StartContainer', { id: containerId });
    return { sandboxId, containerId };
  }

  async stopContainer(containerId: string, timeoutS: number): Promise<void> {
    await this.cri.call('StopContainer', { containerId, timeout: timeoutS });
  }

  async removePod(sandboxId: string): Promise<void> {
    await this.cri.call('StopPodSandbox', { id: sandboxId });
    await this.cri.call('RemovePodSandbox', { id: sandboxId });
    this.#sandboxIds.delete(sandboxId);
  }

  /** Standard output of a program in the pod. Throws when it fails. */
  async exec(pod: NodeContainer, ...cmd: string[]): Promise<string> {
    const request = { containerId: pod.containerId, cmd, timeout: 10 };
    const answer = (await this.cri.call('ExecSync', request)) as {
      stdout?: Buffer;
      stderr?: Buffer;
      exitCode?: number;
    };
    const output = Buffer.concat([answer.stdout ?? Buffer.alloc(0), answer.stderr ?? Buffer.alloc(0)]).toString();
    if ((answer.exitCode ?? 0) !== 0) throw new DemoError(`${cmd.join(' ')} in a pod failed: ${output}`);
    return output;
  }

  /** Removes every pod, then ends the daemon. */
  async close(): Promise<void> {
    if (this.#client === null && existsSync(this.folder)) await this.start();
    for (const id of this.#sandboxIds) await this.removePod(id);
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #addresses(id: string): Promise<string[]> {
    const { status } = (await this.cri.call('PodSandboxStatus', { id })) as {
      status: { network: { ip: string; additionalIps?: readonly { ip: string }[] } };
    };
    return [status.network.ip, ...(status.network.additionalIps ?? []).map(({ ip }) => ip)];
  }

  #sandbox(name: string, namespaceOptions = NAMESPACES, uid = randomUUID() as string): Message {
    return {
      metadata: { name, uid, namespace: 'default', attempt: 0 },
      // As a kubelet: a pod of the node's network has the node's name.
      ...(namespaceOptions === HOST_NETWORK ? {} : { hostname: name }),
      linux: { securityContext: { namespaceOptions } },
    };
  }

  get #socket(): string {
    return join(this.folder, 'containerd.sock');
  }

  /** Without CAP_SYS_RESOURCE, as in CI, no process may lower its oom_score_adj. */
  #configuration(): string {
    const cri = 'plugins."io.containerd.grpc.v1.cri"';
    return `version = 2
root = "${this.folder}/root"
state = "${this.folder}/state"
[grpc]
  address = "${this.#socket}"
[${cri}]
  sandbox_image = "${BUSYBOX_IMAGE}"
  disable_tcp_service = true
  restrict_oom_score_adj = true
  [${cri}.cni]
    bin_dir = "${this.node.cniBinDir}"
    conf_dir = "${this.node.cniConfDir}"
    max_conf_num = 1
  [${cri}.containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
`;
  }
}
