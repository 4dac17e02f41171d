/** The state folder of a node: made, and closed to others where it is the node's alone. */
import { chmodSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { stateFiles, stateFolders } from '../common/host/run-files.js';

const PRIVATE_FOLDER_MODE = 0o700;
/** Of a file system that is mounted there. */
const NOT_FOREIGN = 'lost+found';

/** The name of a file or folder in it that is not Heddle's, or null: then nobody but its owner may look into the folder. */
export function openStateFolder(stateDir: string): string | null {
  mkdirSync(stateDir, { recursive: true, mode: PRIVATE_FOLDER_MODE });
  const own = [...stateFiles({ stateDir }), ...stateFolders({ stateDir })].map((path) => basename(path));
  // A file that is written, and a damaged one that is kept (`common/storage/`).
  const isOwn = (name: string): boolean =>
    own.some((one) => name === one || name === `.${one}.tmp` || name.startsWith(`${one}.corrupt-`));
  const foreign = readdirSync(stateDir).find((name) => name !== NOT_FOREIGN && !isOwn(name)) ?? null;
  const isOpen = (statSync(stateDir).mode & 0o7777) !== PRIVATE_FOLDER_MODE;
  // Not without need: the node starts from a disk that is read-only too.
  if (foreign === null && isOpen) chmodSync(stateDir, PRIVATE_FOLDER_MODE);
  return foreign;
}
