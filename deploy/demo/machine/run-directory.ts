/**
 * Run directory of one demo, and the prefix `hd<pid><letter>-` of all names it makes, by which the next demo recognises and
 * removes the remains of a killed one. Under `/run`, which is emptied at boot and private to an ordinary user's demo.
 */
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { listNamespaces, removeNamespace } from './network-namespace.js';

const BASE = '/run';
const PREFIX = /^hd(\d+)[a-z]-/;

let clustersMade = 0;

export class RunDirectory {
  readonly path: string;

  private constructor(
    /** Ends in `-`. */
    readonly prefix: string,
  ) {
    this.path = `${BASE}/${prefix}demo`;
    // Searchable by others, since the router runs as an unprivileged user. Secrets in it have mode 600.
    mkdirSync(this.path, { mode: 0o711 });
  }

  /** Removes the remains of dead demos, then makes a new directory. */
  static async create(): Promise<RunDirectory> {
    await removeStale();
    const letter = String.fromCharCode(97 + (clustersMade++ % 26));
    return new RunDirectory(`hd${process.pid}${letter}-`);
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** Whether a name is of a demo whose process has ended. @param ownIsStale this process has made nothing yet */
export function isStaleName(name: string, isRunning: (pid: number) => boolean, ownIsStale: boolean): boolean {
  const pid = Number(PREFIX.exec(name)?.[1] ?? 0);
  if (pid === 0) return false;
  return pid === process.pid ? ownIsStale : !isRunning(pid);
}

/** Removes namespaces, with their processes, and files of dead demos. */
export async function removeStale(): Promise<void> {
  const isRunning = (pid: number): boolean => existsSync(`/proc/${pid}`);
  const isStale = (name: string): boolean => isStaleName(name, isRunning, clustersMade === 0);
  for (const name of listNamespaces().filter(isStale)) await removeNamespace(name);
  for (const name of readdirSync(BASE).filter(isStale)) rmSync(`${BASE}/${name}`, { recursive: true, force: true });
}
