/**
 * Work of `cat`, `ls` and `tee` on files under /proc, done by the agent itself instead of a program each. Reading is synchronous;
 * writing may wait for the lock of the kernel's network configuration, and is left to a thread.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { CommandError, messageOf } from '../common/errors.js';

/** Null for other programs and other files. */
export function workOnProcFiles(program: string, paths: readonly string[], input?: string): Promise<string> | null {
  const isUnder = (folder: string) => paths.length > 0 && paths.every((path) => path.startsWith(folder));
  if (program === 'cat' && isUnder('/proc/')) return asProgram(program, paths, () => read(paths));
  if (program === 'ls' && paths.length === 1 && isUnder('/proc/sys/'))
    return asProgram(program, paths, () => list(paths));
  if (program === 'tee' && isUnder('/proc/sys/')) return asProgram(program, paths, () => write(paths, input ?? ''));
  return null;
}

function read(paths: readonly string[]): string {
  return paths.map((path) => readFileSync(path, 'utf8')).join('');
}

function list([folder = '']: readonly string[]): string {
  return readdirSync(folder)
    .sort()
    .map((name) => `${name}\n`)
    .join('');
}

async function write(paths: readonly string[], text: string): Promise<string> {
  for (const path of paths) await writeFile(path, text);
  return text;
}

async function asProgram(
  program: string,
  paths: readonly string[],
  work: () => string | Promise<string>,
): Promise<string> {
  try {
    return await work();
  } catch (thrown) {
    throw new CommandError([program, ...paths].join(' '), 1, messageOf(thrown));
  }
}
