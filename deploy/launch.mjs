/**
 * Launcher of a built program in the foreground, with its exit code. Plain JavaScript for the reasons in
 * `deploy/prerequisites.mjs`.
 */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { join } from 'node:path';
import { ROOT, runMain } from './prerequisites.mjs';

/**
 * @param {string} script name in `dist/`
 * @param {string[]} args
 * @param {(args: string[]) => Promise<string[]>} prepare fulfils the prerequisites, or throws `PrerequisiteError`;
 *   resolves to the words before the command line
 */
export async function launch(script, args, prepare) {
  await runMain(async () => run(await prepare(args), join(ROOT, 'dist', script), args));
}

function run(launcher, script, args) {
  const [program, ...rest] = [...launcher, process.execPath, script, ...args];
  const child = spawn(program, rest, { stdio: ['inherit', 'inherit', 'inherit', 'ipc'] });
  // Ctrl-C reaches the program directly. A signal to this process, or its end, closes the channel, on which the program
  // cleans up (`unshare --fork` does not pass signals on).
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.connected && child.disconnect());
  child.on('error', (error) => {
    process.stderr.write(`cannot start ${program}: ${error.message}\n`);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? 128 + constants.signals[signal];
  });
}
