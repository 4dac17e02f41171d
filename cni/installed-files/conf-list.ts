/**
 * Text of the network configuration list that is installed: `heddle-cni`, the reference plugins that are there, the plugins of
 * the setting `cniChain`. A reference plugin that is missing leaves its capability with `heddle-cni`, which refuses a pod that
 * asks for it by name (`call/refused-fields.ts`): without the capability the runtime would leave the request out. Pure.
 */
import type { PluginConf } from '../../common/cni-chain.js';
import { CNI_VERSIONS } from '../../common/cni-versions.js';

export const CNI_NETWORK_NAME = 'heddle';
export const CNI_EXECUTABLE_NAME = 'heddle-cni';

/** A plugin of the CNI project that adds what Kubernetes offers with a pod. */
export interface ReferencePlugin {
  readonly type: string;
  readonly capability: string;
  /** What it gives to pods, in words. */
  readonly gives: string;
  readonly conf: PluginConf;
}

/** In the order of the list. */
const REFERENCE_PLUGINS: readonly ReferencePlugin[] = [
  {
    type: 'portmap',
    capability: 'portMappings',
    gives: 'hostPort',
    // `snat`: a pod that calls its own hostPort, and a program that calls it by 127.0.0.1, get their answers.
    conf: { type: 'portmap', capabilities: { portMappings: true }, snat: true },
  },
  {
    type: 'bandwidth',
    capability: 'bandwidth',
    gives: 'limits of bandwidth',
    conf: { type: 'bandwidth', capabilities: { bandwidth: true } },
  },
];

export interface ConfListParts {
  readonly cniVersion: string;
  /** Reference plugins that can be used. */
  readonly usable: readonly ReferencePlugin[];
  /** From the setting `cniChain`; one with the type of a reference plugin takes its place. */
  readonly chain: readonly PluginConf[];
}

/** Reference plugins that the chain does not have itself. */
export function referencePluginsBeside(chain: readonly PluginConf[]): ReferencePlugin[] {
  return REFERENCE_PLUGINS.filter(({ type }) => !chain.some((plugin) => plugin.type === type));
}

export function confList({ cniVersion, usable, chain }: ConfListParts): string {
  const own = referencePluginsBeside(chain);
  const refused = own.filter((plugin) => !usable.includes(plugin)).map(({ capability }) => capability);
  const capabilities = Object.fromEntries(['ips', 'mac', ...refused].map((name) => [name, true]));
  const plugins = [
    { type: CNI_EXECUTABLE_NAME, capabilities },
    ...own.filter((plugin) => usable.includes(plugin)).map(({ conf }) => conf),
    ...chain,
  ];
  return textOf(cniVersion, plugins);
}

/** Texts that a version without chained plugins installed. */
export function formerConfLists(): readonly string[] {
  const plugin = { type: CNI_EXECUTABLE_NAME, capabilities: { ips: true, mac: true } };
  return CNI_VERSIONS.map((version) => textOf(version, [plugin]));
}

function textOf(cniVersion: string, plugins: readonly PluginConf[]): string {
  return `${JSON.stringify({ cniVersion, name: CNI_NETWORK_NAME, plugins }, null, 2)}\n`;
}
