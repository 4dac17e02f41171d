/**
 * File operations for durable state, as an interface whose every operation a test can let fail, and the atomic replacement
 * of a file: write, fsync, rename, fsync of the directory ({@link replaceFile}).
 */
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { codeOf, HeddleError, messageOf } from '../errors.js';
import { readPlainFile } from './plain-file.js';

/** Paths are absolute. Every operation may reject with the system's error. */
export interface Disk {
  /** The whole file, or null when there is none. Rejects for what is no regular file. */
  read(path: string): Promise<Uint8Array | null>;
  /** Creates or truncates, writes everything, fsyncs the file. */
  writeSynced(path: string, bytes: Uint8Array, mode: number): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** Makes the directory's entries (creations, renames) survive a crash. */
  syncDirectory(path: string): Promise<void>;
  /** With parents. An existing directory is no error. */
  makeDirectory(path: string): Promise<void>;
  /** Names, sorted; empty when there is no such directory. */
  list(path: string): Promise<string[]>;
  /** A missing file is no error. */
  remove(path: string): Promise<void>;
  /** Permission bits and wall-clock time of the last change, or null when there is no such file. */
  describe(path: string): Promise<{ readonly mode: number; readonly modifiedAtMs: number } | null>;
}

export const PRIVATE_FILE_MODE = 0o600;

/**
 * Replaces a file as a whole: after a crash at any moment it holds the old bytes or the new ones. The temporary file is
 * in the same directory. Rejects with STORE_FAILED; the file then holds either.
 */
export async function replaceFile(disk: Disk, path: string, bytes: Uint8Array, mode: number): Promise<void> {
  const directory = dirname(path);
  const temporary = join(directory, `.${basename(path)}.tmp`);
  try {
    await disk.writeSynced(temporary, bytes, mode);
    await disk.rename(temporary, path);
    await disk.syncDirectory(directory);
  } catch (thrown) {
    await disk.remove(temporary).catch(() => undefined); // the next replacement overwrites it
    throw new HeddleError('STORE_FAILED', `cannot replace ${path}: ${messageOf(thrown)}`, { cause: thrown });
  }
}

export const systemDisk: Disk = {
  read: (path) =>
    unlessAbsent(
      readPlainFile(path).then(({ bytes }) => bytes),
      null,
    ),
  async writeSynced(path, bytes, mode) {
    const file = await open(path, 'w', mode);
    try {
      await file.chmod(mode);
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
  },
  rename,
  async syncDirectory(path) {
    const directory = await open(path, 'r');
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  },
  async makeDirectory(path) {
    await mkdir(path, { recursive: true, mode: 0o755 });
  },
  list: async (path) => (await unlessAbsent(readdir(path), [])).sort(),
  remove: (path) => rm(path, { force: true }),
  describe: (path) =>
    unlessAbsent(
      stat(path).then((found) => ({ mode: found.mode & 0o7777, modifiedAtMs: found.mtimeMs })),
      null,
    ),
};

async function unlessAbsent<T, U>(pending: Promise<T>, absent: U): Promise<T | U> {
  try {
    return await pending;
  } catch (thrown) {
    if (codeOf(thrown) === 'ENOENT') return absent;
    throw thrown;
  }
}
