/** The configuration, read by a short-lived child: what reads and checks it would cost the supervisor 30 MB for life. */
import { spawnSync } from 'node:child_process';
import type { Config } from '../common/config.js';
import { messageOf } from '../common/errors.js';
import { EXIT_CONFIG_INVALID } from '../common/launch-contract.js';

const MAX_CONFIG_BYTES = 4 << 20;

export type ConfigReading = { readonly config: Config } | { readonly exitCode: number };

/** @param program the built `meshd`; its `config --json` tells mistakes on standard error, which both share */
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
    process.stderr.write(`meshd: the configuration could not be read: ${messageOf(thrown)}\n`);
    return { exitCode: EXIT_CONFIG_INVALID };
  }
}
