/**
 * Network namespace by name, under `/run/netns` where `ip -n` and `ip netns` find it. Made by `unshare` instead of `ip netns
 * add`, which fails for an ordinary user: it cannot return to a network namespace that its user namespace does not own.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess, StdioOptions } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { createCommandRunner, DEFAULT_LIMITS } from '../../../common/host/command.js';
import { kill, processesInNamespace } from './processes.js';

export const NETNS_FOLDER = '/run/netns';

/** A program in a pod is to do something, on a machine that starts a hundred pods beside it: python3 alone has taken 10 s. */
const commands = createCommandRunner({ ...DEFAULT_LIMITS, timeoutMs: 30_000 });

export class NetworkNamespace {
  readonly path: string;
  /** Identifies the namespace in `/proc` as long as it exists. */
  readonly inode: number;

  private constructor(readonly name: string) {
    this.path = `${NETNS_FOLDER}/${name}`;
    this.inode = statSync(this.path).ino;
  }

  static async create(name: string): Promise<NetworkNamespace> {
    mkdirSync(NETNS_FOLDER, { recursive: true });
    writeFileSync(`${NETNS_FOLDER}/${name}`, '', { flag: 'wx' });
    await commands.run('unshare', [`--net=${NETNS_FOLDER}/${name}`, 'true']);
    const created = new NetworkNamespace(name);
    await created.ip('link', 'set', 'lo', 'up');
    return created;
  }

  /** Runs `ip` in the namespace. */
  ip(...args: string[]): Promise<string> {
    return commands.run('ip', ['-n', this.name, ...args]);
  }

  /** Standard output of the program. Throws CommandError when it fails or takes longer than 30 s. */
  run(program: string, args: readonly string[], input?: string): Promise<string> {
    return commands.run('nsenter', [`--net=${this.path}`, program, ...args], input);
  }

  /** Starts a program in its own process group, which Ctrl-C on the terminal does not reach. */
  spawn(program: string, args: readonly string[], stdio: StdioOptions): ChildProcess {
    return spawn('nsenter', [`--net=${this.path}`, program, ...args], { stdio, detached: true });
  }
}

/** Kills every process in the namespace and removes its name. A namespace that is gone, or goes meanwhile, is no error. */
export async function removeNamespace(name: string): Promise<void> {
  const path = `${NETNS_FOLDER}/${name}`;
  try {
    await kill(processesInNamespace(statSync(path).ino));
    await commands.run('ip', ['netns', 'del', name]);
  } catch (thrown) {
    if (existsSync(path)) throw thrown;
  }
}

export function listNamespaces(): string[] {
  return existsSync(NETNS_FOLDER) ? readdirSync(NETNS_FOLDER) : [];
}
