/**
 * Batch of `ip` commands in one process, some of which may fail. Parses what `ip -force -batch` prints about failed lines:
 *
 * ```
 * RTNETLINK answers: File exists      <- the error of line 2
 * Command failed -:2
 * ```
 */
import type { IpFamily } from '../address/ip-address.js';
import { CommandError } from '../errors.js';
import type { CommandRunner } from './command.js';
import { ipProgram } from './ip-output.js';

export interface BatchLine {
  readonly text: string;
  /** Its failure is ignored: older kernels or tools lack the feature. */
  readonly optional?: boolean;
}

/**
 * Runs several batches in one process, every line, also after a failed one. The outcome of each batch is its first failed line that
 * is not optional. @param family for lines that `ip` cannot see it in
 */
export async function runIpBatches(
  commands: CommandRunner,
  batches: readonly (readonly BatchLine[])[],
  family?: IpFamily,
): Promise<readonly PromiseSettledResult<void>[]> {
  const [run] = await Promise.allSettled([runLines(commands, batches.flat(), ipProgram(family))]);
  if (run.status === 'rejected') return batches.map(() => run);
  let before = 0;
  return batches.map((lines) => {
    const first = before;
    before += lines.length;
    const own = run.value.map((failure) => ({ ...failure, line: failure.line - first }));
    const failure = firstFailure(
      lines,
      own.filter(({ line }) => line >= 1 && line <= lines.length),
    );
    return failure === null ? { status: 'fulfilled', value: undefined } : { status: 'rejected', reason: failure };
  });
}

interface LineFailure {
  /** From 1 on. */
  readonly line: number;
  readonly message: string;
  readonly exitCode: number | null;
}

/** The lines that failed. Throws {@link CommandError} when the program failed otherwise. */
async function runLines(
  commands: CommandRunner,
  lines: readonly BatchLine[],
  command: readonly string[],
): Promise<readonly LineFailure[]> {
  const [program = 'ip', ...args] = [...command, '-force', '-batch', '-'];
  try {
    await commands.run(program, args, lines.map((line) => `${line.text}\n`).join(''));
    return [];
  } catch (thrown) {
    const failures = thrown instanceof CommandError ? failedLines(thrown.stderr) : [];
    if (!(thrown instanceof CommandError) || failures.length === 0) throw thrown;
    return failures.map((failure) => ({ ...failure, exitCode: thrown.exitCode }));
  }
}

function firstFailure(lines: readonly BatchLine[], failures: readonly LineFailure[]): CommandError | null {
  const fatal = failures.find(({ line }) => lines[line - 1]?.optional !== true);
  if (fatal === undefined) return null;
  return new CommandError(`ip ${lines[fatal.line - 1]?.text ?? ''}`, fatal.exitCode, fatal.message);
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
