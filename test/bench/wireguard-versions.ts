/** Choice of the `wireguard-go` to compare with. Versions are dates: `0.0.20231211`. */
import { join } from 'node:path';
import { hostCommands } from '../../common/host/command.js';
import { isExecutable } from '../../common/host/executable.js';

/** The first version with batches, GSO and GRO. Older ones are several times slower. */
const FIRST_FAST = '0.0.20231211';
const USUAL_FOLDERS = ['/usr/local/bin', '/usr/bin', '/usr/sbin'];

export interface WireguardGo {
  readonly path: string;
  readonly version: string;
}

/** @param path the one to take; null: the newest on the search path. Null when there is none that runs, or no `wg`. */
export async function findWireguardGo(path: string | null): Promise<WireguardGo | null> {
  const folders = [...(process.env['PATH'] ?? '').split(':'), ...USUAL_FOLDERS].filter((folder) => folder !== '');
  if (!folders.some((folder) => isExecutable(join(folder, 'wg')))) return null;
  const candidates = path === null ? folders.map((folder) => join(folder, 'wireguard-go')) : [path];
  const found = await Promise.all([...new Set(candidates)].filter(isExecutable).map(withVersion));
  return newest(found.filter((candidate) => candidate !== null));
}

/** Pure. The first of the newest; null of none. */
export function newest(candidates: readonly WireguardGo[]): WireguardGo | null {
  return candidates.reduce<WireguardGo | null>(
    (best, next) => (best === null || compareVersions(next.version, best.version) > 0 ? next : best),
    null,
  );
}

/** Pure. An unknown version counts as current. */
export function isOutdated(version: string): boolean {
  return /^\d/.test(version) && compareVersions(version, FIRST_FAST) < 0;
}

/** Pure. From the output of `wireguard-go --version`. */
export function parseVersion(output: string): string | null {
  return /wireguard-go v?(\S+)/.exec(output)?.[1] ?? null;
}

async function withVersion(path: string): Promise<WireguardGo | null> {
  const version = parseVersion(await hostCommands.run(path, ['--version']).catch(() => ''));
  return version === null ? null : { path, version };
}

function compareVersions(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}
