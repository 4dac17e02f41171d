/**
 * `npm run release`: archive of the programs of a node, which the tests of the next release upgrade from
 * (`test/net/upgrade-previous.test.ts`). Built from a checkout without changes; identifiers keep their names, for readable stacks.
 *
 *   npm run release                      test/releases/heddle-VERSION.json.br
 *
 * Option: `--source FOLDER`, another checkout, with its packages installed, such as `git worktree` of an earlier commit.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import {
  checkPlatform,
  ensureDependencies,
  NODE_PROGRAMS,
  PrerequisiteError,
  ROOT,
  runMain,
} from '../prerequisites.mjs';
import { writeRelease } from './archive.mjs';

const RELEASES = join(ROOT, 'test/releases');
/** An archive is in every clone from then on. */
const MAX_BYTES = 1.5e6;

const USAGE = `Usage: npm run release -- [options]

Makes test/releases/heddle-VERSION.json.br of a checkout without changes.

  --source FOLDER    another checkout, with its packages installed
  --help             this text
`;

async function main() {
  const { values } = parseArgs({ options: { source: { type: 'string', default: ROOT } } });
  const source = resolve(values.source);
  checkPlatform();
  await ensureDependencies();
  const git = (...args) => execFileSync('git', args, { cwd: source, encoding: 'utf8' }).trim();
  const changes = git('status', '--porcelain', '--untracked-files=no');
  if (changes !== '') throw new PrerequisiteError(`${source} has changes that are not committed:\n${changes}`);
  execFileSync(process.execPath, ['deploy/build.mjs'], { cwd: source, stdio: 'inherit' });
  const { version } = manifest(source, 'package.json');
  const { version: koffi } = manifest(source, 'node_modules/koffi/package.json');
  const files = await minified(join(source, 'dist'));
  mkdirSync(RELEASES, { recursive: true });
  const path = join(RELEASES, `heddle-${version}.json.br`);
  writeRelease(path, { version, commit: git('rev-parse', 'HEAD'), koffi, files });
  const bytes = statSync(path).size;
  console.log(`${path}: ${(bytes / 1e6).toFixed(2)} MB`);
  if (bytes > MAX_BYTES) throw new PrerequisiteError(`The archive is larger than ${MAX_BYTES / 1e6} MB.`);
}

const manifest = (source, path) => JSON.parse(readFileSync(join(source, path), 'utf8'));

async function minified(dist) {
  // Loaded here: a fresh clone has it only after `ensureDependencies`.
  const { transform } = await import('esbuild');
  const options = { format: 'esm', target: 'node20', minifyWhitespace: true, minifySyntax: true };
  const files = {};
  for (const name of NODE_PROGRAMS) {
    const { code } = await transform(readFileSync(join(dist, name), 'utf8'), { ...options, legalComments: 'inline' });
    files[name] = code;
  }
  return files;
}

await runMain(main, USAGE);
