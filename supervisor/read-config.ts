/** Reader of the configuration in a short-lived child: in the supervisor, parser and schema would stay as 30 MB of memory. */
import { spawnSync } from 'node:child_process';
import type { Config } from '../common/config.js';
import { messageOf } from '../common/errors.js';
import { EXIT_CONFIG_INVALID } from '../common/launch-contract.js';

const MAX_CONFIG_BYTES = 4 << 20;

export type ConfigReading = { readonly config: Config } | { readonly exitCode: number };

/** @param program the built `meshd`; its `config --json` prints errors on the standard error that both share */
export function readConfig(program: string, argv: readonly string[]): ConfigReading {
  const { status, stdout } = spawnSync(process.execPath, [program, 'config', '--json', ...argv], {
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: MAX_CONFIG_BYTES,
    encoding: 'utf8',
  });
  if (status !== 0) return { exitCode: status ?? 1 };
  try {
    return { config: JSON.parse(stdout) as Config };
  } catch (thrown) {
    process.stderr.write(`meshd: output of "meshd config --json" is not JSON: ${messageOf(thrown)}\n`);
    return { exitCode: EXIT_CONFIG_INVALID };
  }
}
