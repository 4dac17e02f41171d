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

/** @param change of a program's text, by its file name, for a release that never was @returns version and folder of programs */
export async function unpackPrevious(
  change: (text: string, file: string) => string = (text) => text,
  name = 'previous',
): Promise<{ readonly version: string; readonly distDir: string }> {
  const { readRelease, unpackRelease } = (await import(resolve('deploy/release/archive.mjs'))) as Archive;
  const archives = readdirSync(FOLDER).filter((file) => file.endsWith('.json.br'));
  if (archives.length !== 1)
    throw new DemoError(`${FOLDER} has ${archives.length} archives (expected one: that of the previous release)`);
  const release = readRelease(join(FOLDER, archives[0]!));
  const files = Object.fromEntries(Object.entries(release.files).map(([file, text]) => [file, change(text, file)]));
  const distDir = join(DIST_DIR, `release-${name}`);
  unpackRelease({ ...release, files }, distDir);
  return { version: release.version, distDir };
}
