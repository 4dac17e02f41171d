/**
 * Cluster secrets from a file: 32 bytes on a line, mixed into every handshake; during a rotation a second, newer one on the next
 * line. The content never appears in a message.
 */
import { stat } from 'node:fs/promises';
import { codeOf, ConfigError, messageOf } from '../../common/errors.js';
import { readPlainFile } from '../../common/storage/plain-file.js';
import { MAX_CLUSTER_SECRETS } from '../../mesh/index.js';

export const CLUSTER_SECRET_BYTES = 32;
/** In force where there is no secret and none is needed: everybody knows it (`docs/security.md`). No file may hold it. */
export const NO_CLUSTER_SECRET: Uint8Array = new Uint8Array(CLUSTER_SECRET_BYTES);
const READABLE_BY_OTHERS = 0o004;
/** Two lines, with room for white space. */
const MAX_FILE_BYTES = 4096;

export interface SecretFile {
  /** Oldest first. */
  readonly secrets: readonly Uint8Array[];
  /** There is no file, and {@link NO_CLUSTER_SECRET} is in force. */
  readonly isNone: boolean;
  /** Something about the file that a person should mend, or null. */
  readonly warning: string | null;
}

/** The lines of a file that hold something, without the white space around it. */
export function secretLines(text: string): string[] {
  const lines = text.split('\n').map((line) => line.trim());
  return lines.filter((line) => line !== '');
}

/** Decodes one or two lines of 64 hex digits or base64 of 32 bytes. Throws {@link ConfigError}. */
export function parseClusterSecrets(text: string, source: string): readonly Uint8Array[] {
  const lines = secretLines(text);
  if (lines.length === 0 || lines.length > MAX_CLUSTER_SECRETS) {
    throw problem(source, `has ${lines.length} lines (expected one secret, or two during a rotation)`);
  }
  const secrets = lines.map((line) => parseSecret(line, source));
  if (new Set(secrets.map(String)).size < secrets.length) throw problem(source, 'holds the same secret twice');
  return secrets;
}

/**
 * Reads the secrets. Throws {@link ConfigError} that says what to do.
 * @param isNeeded false where something else decides who is a node: without a file it is {@link NO_CLUSTER_SECRET}
 */
export async function loadClusterSecrets(path: string, isNeeded = true): Promise<SecretFile> {
  if (!isNeeded && !(await exists(path))) return { secrets: [NO_CLUSTER_SECRET], isNone: true, warning: null };
  const { bytes, mode } = await readPlainFile(path, MAX_FILE_BYTES).catch((thrown: unknown) => {
    throw problem(
      path,
      `cannot be read: ${messageOf(thrown)}; make one with "openssl rand -hex 32" and give all nodes
      the same`,
    );
  });
  const secrets = parseClusterSecrets(Buffer.from(bytes).toString('utf8'), path);
  const warning =
    (mode & READABLE_BY_OTHERS) === 0 ? null : `${path} is readable by every user; run "chmod 600 ${path}"`;
  return { secrets, isNone: false, warning };
}

function parseSecret(line: string, source: string): Uint8Array {
  const bytes = /^[0-9a-f]{64}$/i.test(line) ? Buffer.from(line, 'hex') : decodeBase64(line);
  if (bytes?.length !== CLUSTER_SECRET_BYTES) {
    throw problem(
      source,
      `does not hold a cluster secret (expected 64 hex digits or base64 of 32 bytes, e.g. from
    "openssl rand -hex 32")`,
    );
  }
  if (bytes.every((byte) => byte === bytes[0]))
    throw problem(source, 'holds 32 times the same byte, which is no secret');
  return Uint8Array.from(bytes);
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (thrown) {
    return codeOf(thrown) !== 'ENOENT';
  }
}

/** Node's decoder skips what is not base64; here that is an error. */
function decodeBase64(text: string): Buffer | null {
  const standard = text.replaceAll('-', '+').replaceAll('_', '/').replace(/=+$/, '');
  const bytes = Buffer.from(standard, 'base64');
  return bytes.toString('base64').replace(/=+$/, '') === standard ? bytes : null;
}

function problem(source: string, text: string): ConfigError {
  return new ConfigError([`clusterSecretFile: ${source} ${text.replace(/\s+/g, ' ')}`]);
}
