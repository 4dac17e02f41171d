/**
 * Where one demo keeps its files, and how it is told apart from others: everything it makes carries `hd<pid><letter>-` in
 * its name. So what a killed demo left behind can be recognised and removed by the next one. Under `/run`: it is
 * emptied at boot, and private to an ordinary user's demo.
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
    // Searchable by others: the router runs as an unprivileged user. Secrets in it have modes of their own.
    mkdirSync(this.path, { mode: 0o711 });
  }

  /** Removes what dead demos left, then makes a directory of our own. */
  static async create(): Promise<RunDirectory> {
    await removeStale();
    const letter = String.fromCharCode(97 + (clustersMade++ % 26));
    return new RunDirectory(`hd${process.pid}${letter}-`);
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** True when a name is of the demo's kind and the process it belongs to is gone. `ownIsStale`: nothing is ours yet. */
export function isStaleName(name: string, isRunning: (pid: number) => boolean, ownIsStale: boolean): boolean {
  const pid = Number(PREFIX.exec(name)?.[1] ?? 0);
  if (pid === 0) return false;
  return pid === process.pid ? ownIsStale : !isRunning(pid);
}

/** Removes the namespaces, with all that runs in them, and the files of demos that are dead. */
export async function removeStale(): Promise<void> {
  const isRunning = (pid: number): boolean => existsSync(`/proc/${pid}`);
  const isStale = (name: string): boolean => isStaleName(name, isRunning, clustersMade === 0);
  for (const name of listNamespaces().filter(isStale)) await removeNamespace(name);
  for (const name of readdirSync(BASE).filter(isStale)) rmSync(`${BASE}/${name}`, { recursive: true, force: true });
}
