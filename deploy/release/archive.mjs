/**
 * Archive of a release for the tests of the next one: the built programs of a node, without names of machines and times. Brotli
 * around JSON `{ version, commit, koffi, files: { name: text } }`, so that reading it needs nothing but Node. Unpacked below the
 * checkout, the programs find koffi in its `node_modules`: the one of the lock file of now.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';

const SLOWEST_AND_SMALLEST = 11;
const LARGEST_WINDOW = 24;

/**
 * @typedef {{ version: string, commit: string, koffi: string, files: Record<string, string> }} Release
 *   commit: that it was built from; koffi: version that it was built with
 */

/** @param {string} path of the archive to write. @param {Release} release */
export function writeRelease(path, release) {
  const { BROTLI_PARAM_QUALITY: quality, BROTLI_PARAM_LGWIN: window } = constants;
  const params = { [quality]: SLOWEST_AND_SMALLEST, [window]: LARGEST_WINDOW };
  writeFileSync(path, brotliCompressSync(Buffer.from(JSON.stringify(release)), { params }));
}

/** @param {string} path of the archive. @returns {Release} */
export function readRelease(path) {
  return JSON.parse(brotliDecompressSync(readFileSync(path)).toString('utf8'));
}

/** Writes the programs. @param {Release} release @param {string} folder made when missing */
export function unpackRelease({ files }, folder) {
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text, { mode: 0o755 });
}
