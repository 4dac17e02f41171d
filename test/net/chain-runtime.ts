/**
 * Container runtime that runs a configuration list as libcni does: ADD through the plugins in order, each with the result of
 * the one before; CHECK in order and DEL in reverse order, each with the result of ADD; `runtimeConfig` holds what the
 * plugin's capabilities name. The plugins run in the node's namespace.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Pod } from '../../deploy/demo/cluster/cluster.js';
import { hostCommands } from '../../common/host/command.js';
import { DIST_DIR } from './cluster-fixture.js';

/** Where Debian's package containernetworking-plugins puts them. */
export const REFERENCE_PLUGIN_FOLDER = '/usr/lib/cni';

export interface ConfList {
  readonly cniVersion: string;
  readonly name: string;
  readonly plugins: readonly { readonly type: string; readonly capabilities?: Readonly<Record<string, boolean>> }[];
}

export interface ChainResult {
  readonly interfaces: readonly { readonly name: string; readonly mac?: string; readonly sandbox?: string }[];
  readonly ips: readonly { readonly address: string; readonly gateway?: string; readonly interface?: number }[];
  readonly routes?: readonly { readonly dst: string; readonly gw?: string }[];
  readonly dns?: object;
}

export interface ChainCall {
  readonly list: ConfList;
  readonly pod: Pick<Pod, 'name' | 'node' | 'namespace'>;
  readonly ifname?: string;
  /** By capability. */
  readonly capabilityArgs?: Readonly<Record<string, unknown>>;
}

type Plugin = ConfList['plugins'][number];

export class ChainRuntime {
  /** Throws CommandError with the CNI error of the plugin that failed. */
  async add(call: ChainCall): Promise<ChainResult> {
    let prevResult: object | undefined;
    for (const plugin of call.list.plugins) prevResult = await this.#run('ADD', call, plugin, prevResult);
    return prevResult as ChainResult;
  }

  async check(call: ChainCall, prevResult: ChainResult): Promise<void> {
    for (const plugin of call.list.plugins) await this.#run('CHECK', call, plugin, prevResult);
  }

  async del(call: ChainCall, prevResult?: ChainResult): Promise<void> {
    for (const plugin of [...call.list.plugins].reverse()) await this.#run('DEL', call, plugin, prevResult);
  }

  async #run(command: string, call: ChainCall, plugin: Plugin, prevResult?: object): Promise<object> {
    const { list, pod, ifname = 'eth0', capabilityArgs = {} } = call;
    const asked = Object.entries(capabilityArgs).filter(([name]) => plugin.capabilities?.[name] === true);
    const config = {
      ...plugin,
      ...{ cniVersion: list.cniVersion, name: list.name },
      ...(asked.length > 0 ? { runtimeConfig: Object.fromEntries(asked) } : {}),
      ...(prevResult === undefined ? {} : { prevResult }),
    };
    const environment = {
      ...{
        CNI_COMMAND: command,
        CNI_CONTAINERID: containerIdOf(pod),
        CNI_IFNAME: ifname,
        CNI_NETNS: pod.namespace.path,
      },
      ...{ CNI_PATH: REFERENCE_PLUGIN_FOLDER, CNI_ARGS: `IgnoreUnknown=1;K8S_POD_NAME=${pod.name}` },
      ...{ HEDDLE_CNI_SOCKET: pod.node.cniSocket, HEDDLE_CNI_SPOOL: pod.node.deferredDeleteDir },
    };
    const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
    const inNode = [`--net=${pod.node.namespace.path}`, 'env', ...variables, programOf(plugin.type)];
    // A plugin writes its error to standard output, which a failed command does not give.
    const script = 'out=$("$@") || { echo "$out" >&2; exit 1; }; echo "$out"';
    const output = await hostCommands.run('sh', ['-c', script, 'sh', 'nsenter', ...inNode], JSON.stringify(config));
    return output.trim() === '' ? {} : (JSON.parse(output) as object);
  }
}

export function containerIdOf({ namespace }: Pick<Pod, 'namespace'>): string {
  return createHash('sha256').update(namespace.name).digest('hex');
}

function programOf(type: string): string {
  if (type !== 'heddle-cni') return join(REFERENCE_PLUGIN_FOLDER, type);
  const compiled = join(DIST_DIR, 'heddle-cni');
  return existsSync(compiled) ? compiled : join(DIST_DIR, 'heddle-cni.js');
}
