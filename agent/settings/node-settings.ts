/** Settings of the node as its parts use them: the checked configuration and what follows from it. */
import { parseCidr } from '../../common/address/cidr.js';
import type { Cidr } from '../../common/address/cidr.js';
import { RELOADABLE_SETTINGS } from '../../common/config.js';
import type { Config } from '../../common/config.js';
import type { TrustedKey } from './trusted-keys.js';

export interface NodeSettings {
  readonly config: Config;
  readonly nodeName: string;
  /** Empty while the node has none. */
  readonly podCidrs: readonly Cidr[];
  /** Those of the configuration, or the node's own pod CIDRs when there are none: a cluster of one. */
  readonly clusterCidrs: readonly Cidr[];
  /** Of 32 bytes each, oldest first: one, or during a rotation two. */
  readonly clusterSecrets: readonly Uint8Array[];
  /** Empty unless `trust` is `keys`. */
  readonly trustedKeys: readonly TrustedKey[];
}

/** What files that the configuration names hold. */
export type FileContents = Pick<NodeSettings, 'clusterSecrets' | 'trustedKeys'>;

/** @param hostName used when the configuration names no node */
export function nodeSettings(config: Config, contents: FileContents, hostName: string): NodeSettings {
  const podCidrs = config.podCidrs.map(parseCidr);
  const clusterCidrs = config.clusterCidrs.map(parseCidr);
  return {
    config,
    nodeName: effectiveNodeName(config, hostName),
    podCidrs,
    clusterCidrs: clusterCidrs.length > 0 ? clusterCidrs : podCidrs,
    ...contents,
  };
}

/** @param hostName used when the configuration names no node */
export function effectiveNodeName({ nodeName }: Pick<Config, 'nodeName'>, hostName: string): string {
  return nodeName === '' ? hostName : nodeName;
}

export function sameSettings(a: NodeSettings, b: NodeSettings): boolean {
  return changedSettings(a, b).length === 0;
}

/** Names of the settings that differ; the content of a file counts as the setting that names it. */
export function changedSettings(a: NodeSettings, b: NodeSettings): (keyof Config)[] {
  const names = Object.keys(a.config) as (keyof Config)[];
  const changed = new Set(names.filter((name) => !sameValue(a.config[name], b.config[name])));
  if (!sameSecrets(a.clusterSecrets, b.clusterSecrets)) changed.add('clusterSecretFile');
  if (!sameValue(a.trustedKeys, b.trustedKeys)) changed.add('trustedKeysFile');
  return [...changed];
}

export function sameSecrets(a: readonly Uint8Array[], b: readonly Uint8Array[]): boolean {
  return a.length === b.length && a.every((secret, i) => Buffer.from(secret).equals(b[i]!));
}

/** A configuration as it is in force: what a running node cannot follow stays as it was when `meshd` started. */
export interface EffectiveConfig {
  readonly config: Config;
  /** Settings that wait for a restart, in words; empty when there are none. */
  readonly needsRestart: readonly string[];
}

/** @param started the configuration that `meshd` started with */
export function effectiveConfig(read: Config, started: Config): EffectiveConfig {
  const reloadable: readonly string[] = RELOADABLE_SETTINGS;
  const fixed = (Object.keys(read) as (keyof Config)[]).filter((name) => !reloadable.includes(name));
  const kept = Object.fromEntries(fixed.map((name) => [name, started[name]]));
  const needsRestart = fixed
    .filter((name) => !sameValue(read[name], started[name]))
    .map(
      (name) =>
        `${name} is ${JSON.stringify(started[name])} until meshd is restarted, then ${JSON.stringify(read[name])}`,
    );
  return { config: { ...read, ...kept }, needsRestart };
}

function sameValue(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
