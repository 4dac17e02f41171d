/**
 * Run directory of one demo, and the prefix of all names it makes, by which the next demo recognises and removes the remains
 * of a killed one. Under `/run`, which is emptied at boot and private to an ordinary user's demo.
 */
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { listNamespaces, removeNamespace } from './network-namespace.js';
import { isHeld, RUN_FOLDER, runPrefixOf, RunLock } from './run-lock.js';

export class RunDirectory {
  readonly path: string;

  private constructor(private readonly lock: RunLock) {
    this.path = `${RUN_FOLDER}/${this.prefix}demo`;
    // Searchable by others, since the router runs as an unprivileged user. Secrets in it have mode 600.
    mkdirSync(this.path, { mode: 0o711 });
  }

  /** Removes the remains of dead demos, then makes a new directory. */
  static async create(): Promise<RunDirectory> {
    await removeStale();
    return new RunDirectory(await RunLock.take());
  }

  /** Ends in `-`. */
  get prefix(): string {
    return this.lock.prefix;
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
    this.lock.release();
  }
}

/** The names that belong to runs that have ended. @param isAlive whether the run with a prefix is alive */
export async function staleNames(
  names: readonly string[],
  isAlive: (prefix: string) => Promise<boolean>,
): Promise<string[]> {
  const prefixes = [...new Set(names.flatMap((name) => runPrefixOf(name) ?? []))];
  const alive = await Promise.all(prefixes.map((prefix) => isAlive(prefix)));
  const dead = new Set(prefixes.filter((_, i) => !alive[i]));
  return names.filter((name) => dead.has(runPrefixOf(name) ?? ''));
}

/** Run directories of the runs that are alive. */
export async function liveRunPaths(): Promise<string[]> {
  const prefixes = [...new Set(readdirSync(RUN_FOLDER).flatMap((name) => runPrefixOf(name) ?? []))];
  const alive = await Promise.all(prefixes.map((prefix) => isHeld(prefix)));
  return prefixes.filter((_, i) => alive[i]).map((prefix) => `${RUN_FOLDER}/${prefix}demo`);
}

/** Removes namespaces, with their processes, and files of dead demos, tests and benchmarks. */
export async function removeStale(): Promise<void> {
  for (const name of await staleNames(listNamespaces(), isHeld)) await removeNamespace(name);
  for (const name of await staleNames(readdirSync(RUN_FOLDER), isHeld)) {
    rmSync(`${RUN_FOLDER}/${name}`, { recursive: true, force: true });
  }
}
