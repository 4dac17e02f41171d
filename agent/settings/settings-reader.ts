/**
 * Reader of the node's settings from all their sources at once: configuration, supplied values, files of secret and keys. It
 * keeps no settings; a problem in any source refuses all.
 */
import type { Config } from '../../common/config.js';
import type { ConfigFieldName } from '../config/config-fields.js';
import { loadConfig } from '../config/config-sources.js';
import { trustedKeysRecordFile } from '../../common/host/run-files.js';
import type { ReadFile } from '../config/config-sources.js';
import type { Environment } from '../config/config-environment.js';
import type { FoundValue, FoundValues } from '../config/found-values.js';
import type { SecretFile } from './cluster-secret.js';
import { effectiveConfig, nodeSettings } from './node-settings.js';
import type { NodeSettings } from './node-settings.js';
import type { SettingsSource } from './settings-source.js';
import type { TrustedKey } from './trusted-keys.js';

export interface SettingsReaderDeps {
  /** The command line without the command. */
  readonly argv: readonly string[];
  readonly env: Environment;
  readonly readFile: ReadFile;
  /** Rejects with ConfigError, also when there is no file and the secret is needed. */
  readonly readSecret: (path: string, isNeeded: boolean) => Promise<SecretFile>;
  /** Rejects with ConfigError. */
  readonly readTrustedKeys: (path: string) => Promise<readonly TrustedKey[]>;
  /** In the order of precedence. */
  readonly sources: readonly SettingsSource[];
  /** The configuration that the supervisor started with; null for an agent without a supervisor, whose first one counts. */
  readonly started: Config | null;
  readonly hostName: string;
}

export interface SettingsReading {
  readonly settings: NodeSettings;
  /** Settings that wait for a restart, in words. */
  readonly needsRestart: readonly string[];
  /** What a person should mend about the secret's file, or null. */
  readonly warning: string | null;
  /** What a source still waits for, in words, or null. */
  readonly waitingFor: string | null;
}

export class SettingsReader {
  #started: Config | null;
  /** A secret that was in force is not given up because its file is gone. */
  #hasSecret = false;

  constructor(readonly deps: SettingsReaderDeps) {
    this.#started = deps.started;
  }

  /** Rejects with ConfigError that names every problem with its source, or with the error of a file that cannot be read. */
  async read(): Promise<SettingsReading> {
    const { argv, env, readFile, sources } = this.deps;
    const supplied = sources.map((source) => ({ name: source.name, ...source.current() }));
    const read = loadConfig(argv, env, readFile, supplied.map(foundValues));
    const waitingFor = supplied.find((source) => source.waitingFor !== null)?.waitingFor ?? null;
    return this.#complete(read, read.trustedKeysFile, waitingFor);
  }

  /** The same from a configuration that was in force earlier, with the list of keys that was in force then. */
  async readEarlier(config: Config): Promise<SettingsReading> {
    return this.#complete(config, trustedKeysRecordFile(config), null);
  }

  async #complete(read: Config, keysFile: string, waitingFor: string | null): Promise<SettingsReading> {
    this.#started ??= read;
    const { config, needsRestart } = effectiveConfig(read, this.#started);
    const isNeeded = config.trust === 'secret' || this.#hasSecret;
    const secret = await this.deps.readSecret(config.clusterSecretFile, isNeeded);
    this.#hasSecret = !secret.isNone;
    const trustedKeys = config.trust === 'keys' ? await this.deps.readTrustedKeys(keysFile) : [];
    const settings = nodeSettings(config, { clusterSecrets: secret.secrets, trustedKeys }, this.deps.hostName);
    return { settings, needsRestart, warning: secret.warning, waitingFor };
  }
}

function foundValues({ name, values }: { name: string; values: Readonly<Record<string, unknown>> }): FoundValues {
  const found = Object.entries(values).map(
    ([field, value]) =>
      [field as ConfigFieldName, { value, source: `${name}: ${field}` }] as [ConfigFieldName, FoundValue],
  );
  return { values: new Map(found), problems: [] };
}
