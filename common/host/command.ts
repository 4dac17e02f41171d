/**
 * Runner of programs of the host (`ip`, `nft`, `bridge`, ...), without a shell. Every change of the host goes through
 * {@link CommandRunner}, which tests replace.
 */
import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { closeSync, constants, openSync, writeSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { CommandError, DecodeError, messageOf } from '../errors.js';

export interface CommandRunner {
  /** Standard output of the program. Throws {@link CommandError} when its exit code is not 0. */
  run(program: string, args: readonly string[], input?: string): Promise<string>;
}

export interface CommandLimits {
  /** The program is killed when it takes longer. */
  readonly timeoutMs: number;
  /** The program is killed when it prints more. */
  readonly maxOutputBytes: number;
}

type Child = ChildProcessByStdio<Writable | null, Readable, Readable>;

export const DEFAULT_LIMITS: CommandLimits = { timeoutMs: 10_000, maxOutputBytes: 16 << 20 };
/** In memory on every Linux with glibc (shm_open(3)). */
const MEMORY_FOLDER = '/dev/shm';
/** open(2): a file without a name. Node has no constant for it. */
const O_TMPFILE = 0o20200000;
/** Of standard error; the rest is discarded. */
const MAX_ERROR_CHUNKS = 64;
/** With `/usr/sbin`, which some container runtimes leave out of PATH. Without empty entries, which would mean `.`. */
export const SEARCH_PATH = [process.env['PATH'] ?? '', '/usr/sbin', '/sbin', '/usr/bin', '/bin']
  .filter(Boolean)
  .join(':');

export const hostCommands: CommandRunner = createCommandRunner(DEFAULT_LIMITS);

/** A program that runs, with its output. */
export interface RunningProgram {
  readonly stdout: Readable;
  readonly stderr: Readable;
  kill(): void;
  /** The program could not be started or killed. */
  onError(listener: (error: Error) => void): void;
  /** It ended, and its output with it. @param listener gets the exit code, or null and the signal */
  onEnd(listener: (code: number | null, signal: string | null) => void): void;
}

/** @param input descriptor of its standard input, which the caller closes; null for none: the text is written to a pipe then */
export type StartProgram = (
  program: string,
  args: readonly string[],
  input: { readonly fd: number | null; readonly text: string },
) => RunningProgram;

/** Environment of every program. */
export const PROGRAM_ENVIRONMENT: Readonly<Record<string, string>> = { PATH: SEARCH_PATH, LC_ALL: 'C' };

export function createCommandRunner(limits: CommandLimits, start: StartProgram = startByNode): CommandRunner {
  return { run: (program, args, input = '') => runProgram(program, args, input, limits, start) };
}

function runProgram(
  program: string,
  args: readonly string[],
  input: string,
  limits: CommandLimits,
  start: StartProgram,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const label = [program, ...args].join(' ');
    const fd = inputFile(input);
    const child = start(program, args, { fd, text: input });
    if (fd !== null) closeSync(fd);
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    let outBytes = 0;
    const abort = (reason: string): void => {
      clearTimeout(timer);
      child.kill();
      child.stdout.destroy(); // a grandchild may keep it open
      child.stderr.destroy();
      reject(new CommandError(label, null, reason));
    };
    const timer = setTimeout(() => abort(`no answer within ${limits.timeoutMs} ms`), limits.timeoutMs);
    child.stdout.on('data', (chunk: Buffer) => {
      outBytes += chunk.length;
      if (outBytes > limits.maxOutputBytes) abort(`more than ${limits.maxOutputBytes} bytes of output`);
      else out.push(chunk);
    });
    child.stderr.on('data', (chunk: Buffer) => {
      if (err.length < MAX_ERROR_CHUNKS) err.push(chunk);
    });
    child.onError((error) => abort(messageOf(error)));
    child.onEnd((code, signal) => {
      clearTimeout(timer);
      if (code === 0) resolve(Buffer.concat(out).toString());
      else reject(new CommandError(label, code, Buffer.concat(err).toString() || `ended by ${signal ?? 'itself'}`));
    });
  });
}

export function startByNode(
  program: string,
  args: readonly string[],
  { fd, text }: Parameters<StartProgram>[2],
): RunningProgram {
  const options = { env: { ...PROGRAM_ENVIRONMENT } };
  const child = spawn(program, args, { ...options, stdio: [fd ?? 'pipe', 'pipe', 'pipe'] }) as Child;
  child.stdin?.on('error', () => {
    /* the program closed its input early; the exit code decides */
  });
  child.stdin?.end(text);
  return {
    stdout: child.stdout,
    stderr: child.stderr,
    kill: () => void child.kill('SIGKILL'),
    onError: (listener) => void child.on('error', listener),
    onEnd: (listener) => void child.on('close', listener),
  };
}

/**
 * Descriptor of a file without a name that holds the input, or null where none can be made. What `spawn` calls a pipe is a
 * socket, and some programs open `/dev/stdin`, which fails on a socket.
 */
function inputFile(input: string): number | null {
  let fd: number | null = null;
  try {
    fd = openSync(MEMORY_FOLDER, O_TMPFILE | constants.O_RDWR, 0o600);
    writeSync(fd, input, 0);
    return fd;
  } catch {
    if (fd !== null) closeSync(fd);
    return null; // a pipe serves most programs
  }
}

/** What a command gives, or `otherwise` when it fails: where a program, a file or an object may be absent. */
export async function ifItFails<T, Other>(outcome: Promise<T>, otherwise: Other): Promise<T | Other> {
  try {
    return await outcome;
  } catch (thrown) {
    if (thrown instanceof CommandError) return otherwise;
    throw thrown;
  }
}

/** Parses `ip -json` / `nft -j` output, which is empty when there is nothing to list. Throws {@link DecodeError}. */
export async function runJson(commands: CommandRunner, program: string, args: readonly string[]): Promise<unknown> {
  const text = await commands.run(program, args);
  if (text.trim() === '') return [];
  try {
    return JSON.parse(text) as unknown;
  } catch (thrown) {
    throw new DecodeError(`output of "${[program, ...args].join(' ')}" is not JSON: ${messageOf(thrown)}`);
  }
}
