/**
 * Runs programs of the host (`ip`, `nft`, `bridge`, ...), never through a shell. Everything that changes the host goes
 * through {@link CommandRunner}, so that a test can record it.
 */
import { spawn } from 'node:child_process';
import { CommandError, messageOf } from './errors.js';

export interface CommandRunner {
  /** Standard output of the program. Throws {@link CommandError} when it exits with anything but 0. */
  run(program: string, args: readonly string[], input?: string): Promise<string>;
}

const COMMAND_TIMEOUT_MS = 10_000;
const MAX_OUTPUT_BYTES = 16 << 20;
/** `/usr/sbin` is missing from the PATH that some container runtimes hand down. */
const SEARCH_PATH = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin:/usr/bin:/bin`;

export const hostCommands: CommandRunner = {
  run(program, args, input = '') {
    return new Promise((resolve, reject) => {
      const label = [program, ...args].join(' ');
      const child = spawn(program, args, { env: { PATH: SEARCH_PATH, LC_ALL: 'C' }, timeout: COMMAND_TIMEOUT_MS });
      const out: Buffer[] = [];
      const err: Buffer[] = [];
      let outBytes = 0;
      child.stdout.on('data', (chunk: Buffer) => {
        outBytes += chunk.length;
        if (outBytes > MAX_OUTPUT_BYTES) child.kill('SIGKILL');
        else out.push(chunk);
      });
      child.stderr.on('data', (chunk: Buffer) => {
        if (err.length < 64) err.push(chunk);
      });
      child.on('error', (error) => reject(new CommandError(label, null, messageOf(error))));
      child.on('close', (code) => {
        if (code === 0) resolve(Buffer.concat(out).toString());
        else reject(new CommandError(label, code, Buffer.concat(err).toString()));
      });
      child.stdin.on('error', () => {
        /* the program closed its input early; its exit code tells */
      });
      child.stdin.end(input);
    });
  },
};

/** Parses `ip -json` / `nft -j` output, which is empty when there is nothing to list. */
export async function runJson(commands: CommandRunner, program: string, args: readonly string[]): Promise<unknown> {
  const text = await commands.run(program, args);
  return text.trim() === '' ? [] : (JSON.parse(text) as unknown);
}
