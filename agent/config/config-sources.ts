/**
 * The settings of `meshd`, found and checked: flags over `HEDDLE_*` environment over a YAML file over what other sources
 * supply over the schema's defaults. All problems are reported at once, each with its source.
 * Not here: what a setting means (`common/config.ts`), or reading the cluster secret.
 */
import { Check } from 'typebox/value';
import { parseCidr } from '../../common/address/cidr.js';
import { ConfigSchema } from '../../common/config.js';
import type { Config } from '../../common/config.js';
import { ConfigError } from '../../common/errors.js';
import { CONFIG_PATH_VARIABLE, readEnvironment } from './config-environment.js';
import type { Environment } from './config-environment.js';
import { CONFIG_FIELDS } from './config-fields.js';
import type { ConfigField, ConfigFieldName } from './config-fields.js';
import { readConfigFile } from './config-file.js';
import { readFlags } from './config-flags.js';
import type { FoundFlags } from './config-flags.js';
import { ruleProblems } from './config-rules.js';
import type { FoundValue, FoundValues } from './found-values.js';

export { formatConfigHelp } from './config-help.js';

export const DEFAULT_CONFIG_PATH = '/etc/heddle/config.yaml';

/** Text of a file, or null when there is none. */
export type ReadFile = (path: string) => string | null;

/** One setting and where its value was found. */
export interface ExplainedSetting {
  readonly name: ConfigFieldName;
  readonly value: Config[ConfigFieldName];
  /** `flag --listen-port`, `environment HEDDLE_LISTEN_PORT`, `file /etc/heddle/config.yaml: listenPort` or `default`. */
  readonly source: string;
}

/**
 * The settings, complete and checked; CIDRs are canonical.
 * @param argv what follows the command's name, without `--help`
 * @param supplied values from elsewhere (a Node object, say), used where neither flag, environment nor file has one
 * @throws {ConfigError} with every problem, each with its source
 */
export function loadConfig(
  argv: readonly string[],
  env: Environment,
  readFile: ReadFile,
  supplied: readonly FoundValues[] = [],
): Config {
  return validate(findValues(argv, env, readFile, supplied));
}

/** As {@link loadConfig}, with the source of each value, in the order of the schema (for `meshd config`). */
export function explainConfig(argv: readonly string[], env: Environment, readFile: ReadFile): ExplainedSetting[] {
  const found = findValues(argv, env, readFile);
  const config = validate(found);
  return CONFIG_FIELDS.map(({ name }) => ({ name, value: config[name], source: found.values.get(name)!.source }));
}

function findValues(
  argv: readonly string[],
  env: Environment,
  readFile: ReadFile,
  supplied: readonly FoundValues[] = [],
): FoundValues {
  const flags = readFlags(argv);
  const environment = readEnvironment(env);
  const file = findFile(flags, env, readFile);
  const sources = [flags, environment, file, ...supplied];
  const values = new Map<ConfigFieldName, FoundValue>();
  for (const { name, defaultValue } of CONFIG_FIELDS) {
    const found = sources.map((source) => source.values.get(name)).find((value) => value !== undefined);
    values.set(name, found ?? { value: defaultValue, source: 'default' });
  }
  return { values, problems: sources.flatMap(({ problems }) => problems) };
}

/** The file that was asked for must be there; the default one may be missing. */
function findFile(flags: FoundFlags, env: Environment, readFile: ReadFile): FoundValues {
  const asked = flags.configPath ?? env[CONFIG_PATH_VARIABLE];
  const path = asked ?? DEFAULT_CONFIG_PATH;
  const text = readFile(path);
  if (text !== null) return readConfigFile(path, text);
  const source = flags.configPath === null ? `environment ${CONFIG_PATH_VARIABLE}` : 'flag --config';
  return { values: new Map(), problems: asked === undefined ? [] : [`${source}: file "${path}" does not exist`] };
}

function validate(found: FoundValues): Config {
  const raw = Object.fromEntries([...found.values].map(([name, { value }]) => [name, value]));
  const misshapen = misshapenFields(raw);
  const shapeProblems = CONFIG_FIELDS.filter(({ name }) => misshapen.has(name)).map((field) => {
    const { value, source } = found.values.get(field.name)!;
    return `${source}: ${JSON.stringify(value)} is not valid (expected ${expectedOf(field, value)})`;
  });
  const semanticProblems = ruleProblems(raw as Config, misshapen).map(
    ({ field, message }) => `${found.values.get(field)!.source}: ${message}`,
  );
  const problems = [...found.problems, ...shapeProblems, ...semanticProblems];
  if (problems.length > 0) throw new ConfigError(problems);
  const config = raw as Config;
  return { ...config, podCidrs: config.podCidrs.map(parseCidr), clusterCidrs: config.clusterCidrs.map(parseCidr) };
}

/** Field by field, as the validator stops listing errors of a whole object after a few. */
function misshapenFields(raw: Readonly<Record<string, unknown>>): Set<ConfigFieldName> {
  const misshapen = CONFIG_FIELDS.filter(({ name }) => !Check(ConfigSchema.properties[name], raw[name]));
  return new Set(misshapen.map(({ name }) => name));
}

/** YAML reads `nodeName: 17` as a number: say how to make it text. */
function expectedOf(field: ConfigField, value: unknown): string {
  const unquoted = field.kind === 'text' && typeof value !== 'string';
  return unquoted ? `${field.expected}, in quotes` : field.expected;
}
