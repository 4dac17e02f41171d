/**
 * Network namespaces by name, under `/run/netns` where `ip -n` and `ip netns` find them. They are made by `unshare`
 * rather than `ip netns add`, because the latter cannot return to a network namespace that its user namespace does not
 * own, as is the case for an ordinary user.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess, StdioOptions } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { hostCommands } from '../../../common/host/command.js';
import { kill, processesInNamespace } from './processes.js';

const FOLDER = '/run/netns';

export class NetworkNamespace {
  readonly path: string;
  /** Identifies it among processes as long as it lives. */
  readonly inode: number;

  private constructor(readonly name: string) {
    this.path = `${FOLDER}/${name}`;
    this.inode = statSync(this.path).ino;
  }

  static async create(name: string): Promise<NetworkNamespace> {
    mkdirSync(FOLDER, { recursive: true });
    writeFileSync(`${FOLDER}/${name}`, '', { flag: 'wx' });
    await hostCommands.run('unshare', [`--net=${FOLDER}/${name}`, 'true']);
    const created = new NetworkNamespace(name);
    await created.ip('link', 'set', 'lo', 'up');
    return created;
  }

  /** `ip` with its links, addresses and routes. */
  ip(...args: string[]): Promise<string> {
    return hostCommands.run('ip', ['-n', this.name, ...args]);
  }

  /** Standard output; throws CommandError when the program fails. Bounded to 10 seconds. */
  run(program: string, args: readonly string[], input?: string): Promise<string> {
    return hostCommands.run('nsenter', [`--net=${this.path}`, program, ...args], input);
  }

  /** Starts a program in its own process group, so that Ctrl-C on the terminal does not reach it. */
  spawn(program: string, args: readonly string[], stdio: StdioOptions): ChildProcess {
    return spawn('nsenter', [`--net=${this.path}`, program, ...args], { stdio, detached: true });
  }
}

/** Kills every process in the namespace and removes its name. Succeeds when it is already gone. */
export async function removeNamespace(name: string): Promise<void> {
  const path = `${FOLDER}/${name}`;
  if (!existsSync(path)) return;
  await kill(processesInNamespace(statSync(path).ino));
  await hostCommands.run('ip', ['netns', 'del', name]);
}

export function listNamespaces(): string[] {
  return existsSync(FOLDER) ? readdirSync(FOLDER) : [];
}
