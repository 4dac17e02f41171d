/**
 * Record of the configuration in force, in the state directory, in the form of a configuration file. `meshctl uninstall` finds
 * by it what an agent made, flags and all: the bridge's alias names the directory (`host-network/bridge-mark.ts`). An agent
 * that starts while its configuration is refused goes on with it.
 */
import { ConfigError } from '../../common/errors.js';
import type { CommandRunner } from '../../common/host/command.js';
import type { Config } from '../../common/config.js';
import { PRIVATE_FILE_MODE, replaceFile } from '../../common/storage/disk.js';
import type { Disk } from '../../common/storage/disk.js';
import { CONFIG_PATH_VARIABLE, readEnvironment } from './config-environment.js';
import type { Environment } from './config-environment.js';
import { CONFIG_FIELDS } from './config-fields.js';
import { loadConfig } from './config-sources.js';
import type { ReadFile } from './config-sources.js';
import { stateDirOfMark } from '../host-network/bridge-mark.js';
import { listInterfaces } from '../../common/host/ip-output.js';
import { configRecordFile } from '../../common/host/run-files.js';

/** Of a record without the field `format`, which the first format lacks: 0.1.0 refuses fields that it does not know. */
const FORMAT = 'heddle-config/1';
const NAMES: ReadonlySet<string> = new Set(CONFIG_FIELDS.map(({ name }) => name));

/** Rejects with STORE_FAILED. The configuration names the file of the cluster's secret, and holds no secret itself. */
export async function keepConfigRecord(disk: Disk, config: Config): Promise<void> {
  await disk.makeDirectory(config.stateDir);
  const text = `${JSON.stringify(config, null, 2)}\n`;
  await replaceFile(disk, configRecordFile(config), Buffer.from(text), PRIVATE_FILE_MODE);
}

/**
 * The configurations whose traces are on this host: the one that `HEDDLE_*` variables ask for, else one per marked bridge,
 * else the default one; the latter two as their agent recorded them. Throws ConfigError when one of them does not parse.
 */
export async function installedConfigs(
  commands: CommandRunner,
  env: Environment,
  readFile: ReadFile,
): Promise<readonly Config[]> {
  const asked = loadConfig([], env, readFile);
  if (isExplicit(env)) return [asked];
  const bridges = await listInterfaces(commands, ['-details', 'link', 'show', 'type', 'bridge']);
  const marked = bridges.flatMap(({ name, alias }): Config[] => {
    const stateDir = stateDirOfMark(alias);
    return stateDir === null ? [] : [{ ...asked, stateDir, bridgeName: name }];
  });
  return (marked.length > 0 ? marked : [asked]).map((config) => recordedConfig(config, readFile) ?? config);
}

/** The configuration that was in force last on a node with this state directory; null without a record, or a good one. */
export function lastConfig(config: Pick<Config, 'stateDir'>, readFile: ReadFile): Config | null {
  try {
    return recordedConfig(config, readFile);
  } catch (thrown) {
    if (thrown instanceof ConfigError) return null;
    throw thrown;
  }
}

function recordedConfig(config: Pick<Config, 'stateDir'>, readFile: ReadFile): Config | null {
  const path = configRecordFile(config);
  const text = readFile(path);
  if (text === null) return null;
  return loadConfig(['--config', path], {}, (name) => (name === path ? knownSettings(path, text) : readFile(name)));
}

/** A later version records settings that this one does not know; without them the record is one of this version. */
function knownSettings(path: string, text: string): string {
  const record = objectOf(text);
  if (record === null) return text;
  const { format = FORMAT } = record;
  if (format !== FORMAT) {
    const found = `has the format ${JSON.stringify(format)}, expected ${FORMAT}`;
    throw new ConfigError([`file ${path}: ${found}: a later version of Heddle wrote it; use that version`]);
  }
  return JSON.stringify(Object.fromEntries(Object.entries(record).filter(([name]) => NAMES.has(name))));
}

/** Null for what is no JSON object; the reader of configuration files says what is wrong with it. */
function objectOf(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

/** The API socket does not count: `meshctl` reads that variable for itself. */
function isExplicit(env: Environment): boolean {
  const settings = [...readEnvironment(env).values.keys()].filter((name) => name !== 'apiSocket');
  return settings.length > 0 || env[CONFIG_PATH_VARIABLE] !== undefined;
}
