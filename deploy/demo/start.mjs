/**
 * `npm run demo`: brings a fresh clone to the point where `dist/demo.js` can run, then runs it with the arguments given.
 * Plain JavaScript for the reasons in `deploy/prerequisites.mjs`.
 */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { join } from 'node:path';
import * as prerequisites from '../prerequisites.mjs';

const DEMO = join(prerequisites.ROOT, 'dist', 'demo.js');

/** The words to put before the demo's command line. Usage questions are answered without any privilege. */
async function prepare(args) {
  prerequisites.checkPlatform();
  await prerequisites.ensureDependencies();
  await prerequisites.ensureBuilt();
  if (args.includes('--help')) return [];
  await prerequisites.ensureTools();
  return prerequisites.namespaceLauncher();
}

function run(launcher, args) {
  const [program, ...rest] = [...launcher, process.execPath, DEMO, ...args];
  const child = spawn(program, rest, { stdio: ['inherit', 'inherit', 'inherit', 'ipc'] });
  // Ctrl-C reaches the demo by itself; for a signal to this process alone, or its end, the closed channel tells it to
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

try {
  const args = process.argv.slice(2);
  run(await prepare(args), args);
} catch (thrown) {
  if (!(thrown instanceof prerequisites.PrerequisiteError)) throw thrown;
  process.stderr.write(`${thrown.message}\n`);
  process.exitCode = 1;
}
