/** The archive of the previous release: complete, and of the version before this one. */
import { describe, expect, it } from '@jest/globals';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { HEDDLE_VERSION } from '../../common/version.js';

interface Archive {
  readonly readRelease: (path: string) => {
    readonly version: string;
    readonly files: Readonly<Record<string, string>>;
  };
}
interface Prerequisites {
  readonly NODE_PROGRAMS: readonly string[];
}

const { readRelease } = (await import(resolve('deploy/release/archive.mjs'))) as Archive;
const { NODE_PROGRAMS } = (await import(resolve('deploy/prerequisites.mjs'))) as Prerequisites;
const FOLDER = resolve('test/releases');

describe('the archive of the previous release', () => {
  const [name = '', ...others] = readdirSync(FOLDER);

  it('is the only one, is of an earlier version, and has every program of a node', () => {
    expect(others).toEqual([]);
    const { version, files } = readRelease(join(FOLDER, name));
    expect(name).toBe(`heddle-${version}.json.br`);
    expect(version.localeCompare(HEDDLE_VERSION, 'en', { numeric: true })).toBe(-1);
    expect(Object.keys(files).sort()).toEqual([...NODE_PROGRAMS].sort());
    expect(statSync(join(FOLDER, name)).size).toBeLessThan(1.5e6);
  });

  it('goes with the version in package.json, package-lock.json and the list of changes', () => {
    const versions = ['package.json', 'package-lock.json'].map(
      (file) => (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version,
    );
    expect(versions).toEqual([HEDDLE_VERSION, HEDDLE_VERSION]);
    expect(readFileSync('CHANGELOG.md', 'utf8')).toContain(`\n## ${HEDDLE_VERSION}\n`);
  });
});
