/**
 * Folder of the checkout.
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The nearest folder above this file, or above its built copy, that has a manifest. */
export const ROOT = folderOfManifest(dirname(fileURLToPath(import.meta.url)));

function folderOfManifest(folder: string): string {
  return existsSync(join(folder, 'package.json')) ? folder : folderOfManifest(dirname(folder));
}
