/**
 * podman of one node of a test cluster, with its storage in a folder of its own and the CNI folders in which the agent
 * installs. Unlike containerd it has no daemon: each call runs in the node's network namespace, and the plugins run as its
 * children.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DemoNode } from '../../deploy/demo/cluster/demo-node.js';
import { BUSYBOX_IMAGE } from './busybox-image.js';
import { REFERENCE_PLUGIN_FOLDER } from './chain-runtime.js';

/** What `podman inspect` tells of one network of a container. */
export interface ContainerNetwork {
  readonly IPAddress: string;
  readonly GlobalIPv6Address: string;
  readonly MacAddress: string;
}

export class PodmanNode {
  readonly #containers = new Set<string>();
  readonly #policy: string;

  constructor(
    readonly node: DemoNode,
    readonly folder: string,
  ) {
    mkdirSync(folder, { recursive: true });
    this.#policy = join(folder, 'policy.json');
    writeFileSync(this.#policy, JSON.stringify({ default: [{ type: 'insecureAcceptAnything' }] }));
    writeFileSync(this.#configuration, this.#settings());
  }

  async importImage(archive: string): Promise<void> {
    await this.#podman('load', '--quiet', '--signature-policy', this.#policy, '--input', archive);
  }

  async networks(): Promise<string[]> {
    return (await this.#podman('network', 'ls', '--quiet', '--format', '{{.Name}}')).trim().split('\n').sort();
  }

  /** Starts a container on these networks: `eth0` on the first, `eth1` on the second. */
  async run(name: string, networks: readonly string[]): Promise<Readonly<Record<string, ContainerNetwork>>> {
    this.#containers.add(name);
    const on = networks.flatMap((network) => ['--network', network]);
    await this.#podman('run', '--detach', '--name', name, '--cap-add', 'NET_RAW', ...on, BUSYBOX_IMAGE);
    const [found] = JSON.parse(await this.#podman('inspect', name)) as [
      { readonly NetworkSettings: { readonly Networks: Readonly<Record<string, ContainerNetwork>> } },
    ];
    return found.NetworkSettings.Networks;
  }

  exec(name: string, ...command: string[]): Promise<string> {
    return this.#podman('exec', name, ...command);
  }

  async remove(name: string): Promise<void> {
    await this.#podman('rm', '--force', '--time', '0', name);
    this.#containers.delete(name);
  }

  async close(): Promise<void> {
    for (const name of this.#containers) await this.remove(name);
    rmSync(this.folder, { recursive: true, force: true });
  }

  #podman(...words: string[]): Promise<string> {
    const folders = ['--root', join(this.folder, 'root'), '--runroot', join(this.folder, 'run')];
    const place = [...folders, '--tmpdir', join(this.folder, 'tmp'), '--storage-driver', 'vfs'];
    return this.node.namespace.run('env', [`CONTAINERS_CONF=${this.#configuration}`, 'podman', ...place, ...words]);
  }

  get #configuration(): string {
    return join(this.folder, 'containers.conf');
  }

  /** Limits as low as a container that runs the tests may have. */
  #settings(): string {
    const { cniBinDir, cniConfDir } = this.node;
    return `[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
log_driver = "k8s-file"
[network]
network_backend = "cni"
cni_plugin_dirs = ["${cniBinDir}", "${REFERENCE_PLUGIN_FOLDER}"]
network_config_dir = "${cniConfDir}"
`;
  }
}
