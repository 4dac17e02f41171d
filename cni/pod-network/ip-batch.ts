/**
 * Batch of `ip` commands in one process, some of which may fail. Parses what `ip -force -batch` prints about failed lines:
 *
 * ```
 * RTNETLINK answers: File exists      <- the error of line 2
 * Command failed -:2
 * ```
 */
import type { IpFamily } from '../../common/address/ip-address.js';
import type { CommandRunner } from '../../common/host/command.js';
import { CommandError } from '../../common/errors.js';

export interface BatchLine {
  readonly text: string;
  /** Its failure is ignored: older kernels or tools lack the feature. */
  readonly optional?: boolean;
}

/**
 * Runs every line, also after a failed one. Throws {@link CommandError} for the first failed line that is not optional.
 * @param prefix program and arguments before `ip`, as `['nsenter', '--net=PATH']`
 * @param family for lines that `ip` cannot see it in
 */
export async function runIpBatch(
  commands: CommandRunner,
  lines: readonly BatchLine[],
  prefix: readonly string[] = [],
  family?: IpFamily,
): Promise<void> {
  const only = family === undefined ? [] : [`-${family}`];
  const [program = 'ip', ...args] = [...prefix, 'ip', ...only, '-force', '-batch', '-'];
  try {
    await commands.run(program, args, lines.map((line) => `${line.text}\n`).join(''));
  } catch (thrown) {
    const failures = thrown instanceof CommandError ? failedLines(thrown.stderr) : [];
    if (!(thrown instanceof CommandError) || failures.length === 0) throw thrown;
    const fatal = failures.find((failure) => lines[failure.line - 1]?.optional !== true);
    if (fatal === undefined) return;
    throw new CommandError(`ip ${lines[fatal.line - 1]?.text ?? ''}`, thrown.exitCode, fatal.message);
  }
}

function failedLines(stderr: string): { line: number; message: string }[] {
  const failures: { line: number; message: string }[] = [];
  let message: string[] = [];
  for (const text of stderr.split('\n')) {
    const failed = /^Command failed -:(\d+)$/.exec(text);
    if (failed === null) message.push(text);
    else {
      failures.push({ line: Number(failed[1]), message: message.join(' ').trim() });
      message = [];
    }
  }
  return failures;
}
