/**
 * Text of `meshd config`, and of the settings in `meshd --help`. The supervisor reads its configuration by running this
 * in a short-lived process, because parser and schema would stay in its memory.
 */
import { codeOf, ConfigError, HeddleError, messageOf } from '../../common/errors.js';
import { readPlainFileSync } from '../../common/storage/plain-file.js';
import { explainConfig, formatConfigHelp, loadConfig } from './config-sources.js';
import type { ReadFile } from './config-sources.js';

export { formatConfigHelp };

/** Prints the configuration as one line of JSON, for programs. */
const JSON_FLAG = '--json';

const MAX_FILE_BYTES = 1 << 20;

type Environment = Readonly<Record<string, string | undefined>>;

/** Reads a file of the host; null when there is none. Throws ConfigError for what is no file of settings, STORE_FAILED else. */
export const readHostFile: ReadFile = (path) => {
  try {
    return readPlainFileSync(path, MAX_FILE_BYTES);
  } catch (thrown) {
    if (codeOf(thrown) === 'ENOENT') return null;
    const problem = `file ${path} cannot be read: ${messageOf(thrown)}`;
    // An error of the system may pass, and another start helps.
    throw thrown instanceof HeddleError ? new ConfigError([problem]) : new HeddleError('STORE_FAILED', problem);
  }
};

/** The text of `meshd config`. Throws ConfigError with every problem. */
export function describeConfig(argv: readonly string[], env: Environment, readFile: ReadFile): string {
  const settings = argv.filter((arg) => arg !== JSON_FLAG);
  if (settings.length < argv.length) return `${JSON.stringify(loadConfig(settings, env, readFile))}\n`;
  const rows = explainConfig(settings, env, readFile).map(({ name, value, source }) => [
    name,
    JSON.stringify(value),
    source,
  ]);
  const [nameWidth = 0, valueWidth = 0] = [0, 1].map((i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  return rows
    .map(([name = '', value = '', source]) => `${name.padEnd(nameWidth)}  ${value.padEnd(valueWidth)}  ${source}\n`)
    .join('');
}
