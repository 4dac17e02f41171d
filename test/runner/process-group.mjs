/** Programs that `npm test` runs, each in a process group of its own, so that it can be ended with all it started. */
import { spawn } from 'node:child_process';
import { ROOT } from '../../deploy/prerequisites.mjs';

/** Ends a program that hangs. The longest stage, the tests in network namespaces, takes more than 15 minutes on two cores. */
const TIMEOUT_MS = 40 * 60_000;
const CLEAN_UP_MS = 10_000;
const running = new Set();

/**
 * Runs a program to its end and keeps what it says.
 * @param {string[]} command
 * @param {{ errors?: 'pipe' | 'inherit', env?: Record<string, string> }} [options] errors: `inherit` shows standard
 *   error instead of keeping it; env: added to that of this process
 * @returns {Promise<{ code: number, output: string }>} code 1 also for a program that cannot start or is killed
 */
export function run([program, ...args], { errors = 'pipe', env = {} } = {}) {
  return new Promise((resolve) => {
    const stdio = ['ignore', 'pipe', errors];
    const child = spawn(program, args, { cwd: ROOT, stdio, detached: true, env: { ...process.env, ...env } });
    running.add(child);
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', (text) => (output += text));
    const tooLong = setTimeout(() => {
      output += `ended after ${TIMEOUT_MS / 1000} s: ${[program, ...args].join(' ')}\n`;
      endGroup(child);
    }, TIMEOUT_MS);
    const end = (code) => {
      clearTimeout(tooLong);
      running.delete(child);
      resolve({ code, output });
    };
    child.on('error', (error) => {
      output += `${program}: ${error.message}\n`;
      end(1);
    });
    child.on('close', (code) => end(code ?? 1));
  });
}

export function endAll() {
  for (const child of running) endGroup(child);
}

/** Asks the whole group to end, and makes it end when it takes too long to clean up. */
function endGroup(child) {
  const send = (signal) => running.has(child) && process.kill(-child.pid, signal);
  send('SIGTERM');
  setTimeout(() => send('SIGKILL'), CLEAN_UP_MS).unref();
}
