/**
 * Files, folders and sockets that Heddle makes, as things that can be removed. Each is looked at before: a setting may name a path
 * where something of another kind is, which is not of Heddle and stays. In place of a file or folder a symbolic link is removed,
 * and not what it leads to.
 */
import { lstatSync, readdirSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { rm, rmdir } from 'node:fs/promises';
import { codeOf } from '../../common/errors.js';
import type { Disk } from '../../common/storage/disk.js';
import type { Artefact } from './host-artefacts.js';

export function findFiles(paths: readonly string[]): Artefact[] {
  return paths.filter((path) => isFileOrLink(lookAt(path))).map(artefact);
}

/** With all that is in them. */
export function findFolders(paths: readonly string[]): Artefact[] {
  return paths.filter((path) => isFolderOrLink(lookAt(path))).map(artefact);
}

export function findSockets(paths: readonly string[]): Artefact[] {
  return paths.filter((path) => lookAt(path)?.isSocket() === true).map(artefact);
}

/** Folders in which there is nothing. */
export function findEmptyFolders(paths: readonly string[]): Artefact[] {
  return paths.filter(isEmptyFolder).map((path) => ({ label: path, remove: () => removeIfEmpty(path) }));
}

/** Removes a folder of Heddle when nothing else is in it. */
export async function removeIfEmpty(path: string): Promise<void> {
  if (lookAt(path)?.isDirectory() !== true) return;
  try {
    await rmdir(path);
  } catch (thrown) {
    if (!['ENOTEMPTY', 'EBUSY', 'ENOENT'].includes(codeOf(thrown))) throw thrown;
  }
}

/** The disk, on which nothing but regular files can be read: of another kind there is none. */
export function filesOf(disk: Disk): Disk {
  const read = (path: string): Promise<Uint8Array | null> =>
    isFileOrLink(lookAt(path)) ? disk.read(path) : Promise.resolve(null);
  return { ...disk, read };
}

function artefact(path: string): Artefact {
  return { label: path, remove: () => rm(path, { recursive: true, force: true }) };
}

function isFileOrLink(found: Stats | null): boolean {
  return found !== null && (found.isFile() || found.isSymbolicLink());
}

function isFolderOrLink(found: Stats | null): boolean {
  return found !== null && (found.isDirectory() || found.isSymbolicLink());
}

function isEmptyFolder(path: string): boolean {
  return lookAt(path)?.isDirectory() === true && readdirSync(path).length === 0;
}

/** Null when there is nothing, also because its folder is none. */
function lookAt(path: string): Stats | null {
  try {
    return lstatSync(path);
  } catch (thrown) {
    if (['ENOENT', 'ENOTDIR'].includes(codeOf(thrown))) return null;
    throw thrown;
  }
}
