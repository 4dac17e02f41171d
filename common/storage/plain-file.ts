/**
 * Files that people write: regular ones of a bounded size, read as a whole. A pipe would be waited for without end, and a device
 * may have none.
 */
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { open } from 'node:fs/promises';
import { HeddleError } from '../errors.js';

/** Opening a pipe does not wait for its other end. */
const FLAGS = constants.O_RDONLY | constants.O_NONBLOCK;

export interface PlainFile {
  readonly bytes: Uint8Array;
  /** Permission bits. */
  readonly mode: number;
}

/** Rejects with HeddleError for what is no regular file or longer than `maxBytes`, else with the system's error. */
export async function readPlainFile(path: string, maxBytes = Infinity): Promise<PlainFile> {
  const file = await open(path, FLAGS);
  try {
    const found = await file.stat();
    checkPlain(path, found, maxBytes);
    return { bytes: await file.readFile(), mode: found.mode & 0o7777 };
  } finally {
    await file.close();
  }
}

/** The text of the file. Throws as {@link readPlainFile} rejects. */
export function readPlainFileSync(path: string, maxBytes: number): string {
  const fd = openSync(path, FLAGS);
  try {
    checkPlain(path, fstatSync(fd), maxBytes);
    return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
}

function checkPlain(path: string, found: Stats, maxBytes: number): void {
  if (!found.isFile()) {
    throw new HeddleError('CONFIG_INVALID', `${path} is ${kindOf(found)} (expected a regular file)`);
  }
  if (found.size > maxBytes) {
    throw new HeddleError('CONFIG_INVALID', `${path} has ${found.size} bytes (expected at most ${maxBytes})`);
  }
}

function kindOf(found: Stats): string {
  if (found.isDirectory()) return 'a directory';
  return found.isFIFO() ? 'a pipe' : 'a device or socket';
}
