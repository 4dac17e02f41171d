/**
 * What is left on a host for pods that still run: the plugin and configuration by which runtimes can delete them
 * (`cni/installed-files/left-plugin.ts`).
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  CNI_CONF_FILES,
  CNI_EXECUTABLE_NAME,
  isHostInterface,
  LEFT_CONF_NAME,
  LEFT_PLUGIN,
  leftConfList,
  namespacesOfLeftConf,
  podNamespaceOf,
} from '../../cni/index.js';
import type { Config } from '../../common/config.js';
import type { CommandRunner } from '../../common/host/command.js';
import { listInterfaces } from '../../common/host/ip-output.js';
import { replaceFile } from '../../common/storage/disk.js';
import type { Disk } from '../../common/storage/disk.js';

const PROGRAM_MODE = 0o755;
const PUBLIC_FILE_MODE = 0o644;

export interface LeftPlugin {
  /** Network namespaces of the pods that still run. */
  readonly namespaces: readonly string[];
  /** Files that stay; none without such a pod, and where the agent installed none. */
  readonly paths: readonly string[];
  /** Puts the files in place of those that are removed. */
  place(): Promise<void>;
}

/** Pods are known by the aliases of their interfaces, and after a first removal by the list that it left. */
export async function planLeftPlugin(commands: CommandRunner, disk: Disk, config: Config): Promise<LeftPlugin> {
  const { cniBinDir, cniConfDir, bridgeName, cniVersion } = config;
  if (cniBinDir === '' || cniConfDir === '') return { namespaces: [], paths: [], place: () => Promise.resolve() };
  const executable = join(cniBinDir, CNI_EXECUTABLE_NAME);
  const conf = join(cniConfDir, LEFT_CONF_NAME);
  const leftBefore = textOf(await disk.read(conf));
  const veths = await listInterfaces(commands, ['-details', 'link', 'show', 'type', 'veth']);
  const attached = veths.filter((veth) => isHostInterface(veth, bridgeName)).map(({ alias }) => podNamespaceOf(alias));
  const namespaces = [...new Set([...attached, ...namespacesOfLeftConf(leftBefore)])]
    .filter((path) => path !== null)
    .filter(existsSync);
  if (namespaces.length === 0) return { namespaces, paths: [], place: () => Promise.resolve() };
  return {
    namespaces,
    paths: [executable, conf],
    async place() {
      const installed = textOf(await disk.read(join(cniConfDir, CNI_CONF_FILES[0]!))) ?? leftBefore;
      await replaceFile(disk, executable, Buffer.from(LEFT_PLUGIN), PROGRAM_MODE);
      await replaceFile(disk, conf, Buffer.from(leftConfList(installed, cniVersion, namespaces)), PUBLIC_FILE_MODE);
    },
  };
}

function textOf(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : Buffer.from(bytes).toString();
}
