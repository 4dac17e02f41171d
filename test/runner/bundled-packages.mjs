/**
 * Packages of hundreds of small files, each made into one file for Jest, which loads every package anew for every test
 * file: typebox alone is 700 files, and loading them took more time than all unit tests.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const ENTRIES = ['typebox', 'typebox/compile', 'typebox/value'];

/** @returns what `moduleNameMapper` needs. Built once for each state of the lock file. */
export async function bundledPackages() {
  const state = createHash('sha256')
    .update(readFileSync(join(ROOT, 'package-lock.json')))
    .digest('hex');
  const folder = join(ROOT, 'node_modules', '.cache', `heddle-bundled-${state.slice(0, 16)}`);
  if (!existsSync(folder)) await bundle(folder);
  return Object.fromEntries(ENTRIES.map((entry) => [`^${entry}$`, join(folder, `${fileName(entry)}.mjs`)]));
}

/** Appears as a whole: another run may build the same at the same time. */
async function bundle(folder) {
  const scratch = `${folder}.${process.pid}`;
  await build({
    absWorkingDir: ROOT,
    entryPoints: Object.fromEntries(ENTRIES.map((entry) => [fileName(entry), entry])),
    outdir: scratch,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
  });
  try {
    renameSync(scratch, folder);
  } catch (thrown) {
    if (!existsSync(folder)) throw thrown;
    rmSync(scratch, { recursive: true });
  }
}

function fileName(entry) {
  return entry.replace('/', '-');
}
