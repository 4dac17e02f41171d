/**
 * Change of this node's file of cluster secrets by a rotation (ADR 0034): a second line with a new secret, and later that line
 * alone. The file is replaced at once or not at all, with mode 0600.
 */
import { randomBytes } from 'node:crypto';
import { ConfigError } from '../../common/errors.js';
import { PRIVATE_FILE_MODE, replaceFile } from '../../common/storage/disk.js';
import type { Disk } from '../../common/storage/disk.js';
import { secretIdOf } from '../../mesh/index.js';
import { CLUSTER_SECRET_BYTES, parseClusterSecrets, secretLines } from './cluster-secret.js';

/** @returns identifiers of the secrets in the file, oldest first. Rejects with ConfigError. */
export async function secretIdsIn(disk: Disk, path: string): Promise<readonly string[]> {
  return idsOf(await linesOf(disk, path), path);
}

/** Adds a new secret to a file with one. Rejects with ConfigError, and with STORE_FAILED when the file cannot be replaced. */
export async function addSecret(disk: Disk, path: string): Promise<readonly string[]> {
  const lines = [...(await linesOf(disk, path)), randomBytes(CLUSTER_SECRET_BYTES).toString('hex')];
  return replaceLines(disk, path, lines);
}

/** Leaves the newest secret alone. Rejects as {@link addSecret} does. */
export async function dropOldSecret(disk: Disk, path: string): Promise<readonly string[]> {
  return replaceLines(disk, path, (await linesOf(disk, path)).slice(-1));
}

async function replaceLines(disk: Disk, path: string, lines: readonly string[]): Promise<readonly string[]> {
  const ids = idsOf(lines, path);
  await replaceFile(disk, path, Buffer.from(lines.map((line) => `${line}\n`).join('')), PRIVATE_FILE_MODE);
  return ids;
}

async function linesOf(disk: Disk, path: string): Promise<string[]> {
  const bytes = await disk.read(path);
  if (bytes === null)
    throw new ConfigError([`clusterSecretFile: ${path} does not exist, so there is no secret to rotate`]);
  return secretLines(Buffer.from(bytes).toString('utf8'));
}

function idsOf(lines: readonly string[], path: string): readonly string[] {
  return parseClusterSecrets(lines.join('\n'), path).map(secretIdOf);
}
