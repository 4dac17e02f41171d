/**
 * Starts a built program of ours in the foreground and ends as it ends. Plain JavaScript for the reasons in
 * `deploy/prerequisites.mjs`.
 */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { join } from 'node:path';
import { PrerequisiteError, ROOT } from './prerequisites.mjs';

/**
 * @param {string} script name in `dist/`
 * @param {string[]} args
 * @param {(args: string[]) => Promise<string[]>} prepare fulfils the prerequisites, or throws {@link PrerequisiteError};
 *   gives the words to put before the command line
 */
export async function launch(script, args, prepare) {
  try {
    run(await prepare(args), join(ROOT, 'dist', script), args);
  } catch (thrown) {
    if (!(thrown instanceof PrerequisiteError)) throw thrown;
    process.stderr.write(`${thrown.message}\n`);
    process.exitCode = 1;
  }
}

function run(launcher, script, args) {
  const [program, ...rest] = [...launcher, process.execPath, script, ...args];
  const child = spawn(program, rest, { stdio: ['inherit', 'inherit', 'inherit', 'ipc'] });
  // Ctrl-C reaches the program by itself; for a signal to this process alone, or its end, the closed channel tells it to
  // clean up (`unshare --fork` would not hand a signal on).
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.connected && child.disconnect());
  child.on('error', (error) => {
    process.stderr.write(`cannot start ${program}: ${error.message}\n`);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? 128 + constants.signals[signal];
  });
}
