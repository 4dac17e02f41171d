/** Long-running program of the host whose standard output is read by lines. It ends with this process, however that ends. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { SEARCH_PATH } from './command.js';

/** Without a shell. `onEnd` is called once, also when the program cannot be started. */
export function startLineProgram(
  [program, ...args]: readonly [string, ...string[]],
  onLine: (line: string) => void,
  onEnd: () => void,
): { stop(): void } {
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', program, ...args], {
    env: { PATH: SEARCH_PATH, LC_ALL: 'C' },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  createInterface({ input: child.stdout }).on('line', onLine);
  let ended = false;
  const end = (): void => {
    if (!ended) onEnd();
    ended = true;
  };
  child.on('error', end);
  child.on('close', end);
  return { stop: () => void child.kill('SIGKILL') };
}
