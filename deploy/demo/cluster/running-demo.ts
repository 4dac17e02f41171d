/**
 * Description of a running demo in its run directory, by which a second terminal joins it. An ordinary user's demo has a
 * private `/run`, so that only root's is found.
 */
import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { liveRunPaths } from '../machine/run-directory.js';

export interface RunningDemo {
  /** Namespace of the bridge between the nodes. */
  readonly underlay: string;
  /** Holds `meshctl`. */
  readonly binFolder: string;
  readonly nodes: readonly RunningNode[];
  readonly pods: readonly { readonly name: string; readonly node: string; readonly namespace: string }[];
}

export interface RunningNode {
  readonly name: string;
  readonly namespace: string;
  readonly apiSocket: string;
  readonly configFile: string;
  readonly underlayV4: string;
}

const FILE = 'demo.json';

export function writeRunningDemo(runPath: string, distDir: string, demo: Omit<RunningDemo, 'binFolder'>): void {
  const binFolder = join(runPath, 'bin');
  mkdirSync(binFolder);
  symlinkSync(join(distDir, 'meshctl.js'), join(binFolder, 'meshctl'));
  writeFileSync(join(runPath, FILE), JSON.stringify({ ...demo, binFolder }));
}

/** The demo that runs on this machine, the one of several that was ready last; null without one. */
export async function findRunningDemo(): Promise<RunningDemo | null> {
  const files = (await liveRunPaths()).map((path) => join(path, FILE)).filter(existsSync);
  const [newest] = files
    .map((path) => ({ path, writtenMs: statSync(path).mtimeMs }))
    .sort((a, b) => b.writtenMs - a.writtenMs);
  return newest === undefined ? null : (JSON.parse(readFileSync(newest.path, 'utf8')) as RunningDemo);
}
