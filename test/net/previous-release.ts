/** The release before this one, as its archive in `test/releases` has it, unpacked where its programs find koffi. */
import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DemoError } from '../../common/errors.js';
import { DIST_DIR } from './cluster-fixture.js';

interface Release {
  readonly version: string;
  readonly commit: string;
  readonly koffi: string;
  readonly files: Readonly<Record<string, string>>;
}

interface Archive {
  readonly readRelease: (path: string) => Release;
  readonly unpackRelease: (release: Release, folder: string) => void;
}

const FOLDER = resolve('test/releases');

export async function unpackPrevious(): Promise<{ readonly version: string; readonly distDir: string }> {
  const { readRelease, unpackRelease } = (await import(resolve('deploy/release/archive.mjs'))) as Archive;
  const archives = readdirSync(FOLDER);
  if (archives.length !== 1)
    throw new DemoError(`${FOLDER} has ${archives.length} files (expected one: the archive of the previous release)`);
  const release = readRelease(join(FOLDER, archives[0]!));
  const distDir = join(DIST_DIR, 'previous');
  unpackRelease(release, distDir);
  return { version: release.version, distDir };
}
