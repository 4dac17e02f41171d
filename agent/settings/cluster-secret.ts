/** Cluster secret: 32 bytes from a file, mixed into every handshake. Its content never appears in a message. */
import { readFile, stat } from 'node:fs/promises';
import { ConfigError, messageOf } from '../../common/errors.js';

const CLUSTER_SECRET_BYTES = 32;
/** In force where there is no secret and none is needed: everybody knows it (`docs/security.md`). No file may hold it. */
export const NO_CLUSTER_SECRET: Uint8Array = new Uint8Array(CLUSTER_SECRET_BYTES);
const READABLE_BY_OTHERS = 0o004;

export interface ClusterSecret {
  readonly bytes: Uint8Array;
  /** Something about the file that a person should mend, or null. */
  readonly warning: string | null;
}

/** Decodes 64 hex digits or base64 of 32 bytes; surrounding white space is ignored. Throws {@link ConfigError}. */
export function parseClusterSecret(text: string, source: string): Uint8Array {
  const trimmed = text.trim();
  const bytes = /^[0-9a-f]{64}$/i.test(trimmed) ? Buffer.from(trimmed, 'hex') : decodeBase64(trimmed);
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

/**
 * Reads the secret. Throws {@link ConfigError} that says what to do.
 * @param isNeeded false where Kubernetes names the nodes: without a file it is {@link NO_CLUSTER_SECRET}
 */
export async function loadClusterSecret(path: string, isNeeded = true): Promise<ClusterSecret> {
  if (!isNeeded && !(await exists(path))) return { bytes: NO_CLUSTER_SECRET, warning: null };
  const [text, mode] = await Promise.all([readFile(path, 'utf8'), stat(path).then((found) => found.mode)]).catch(
    (thrown: unknown) => {
      throw problem(
        path,
        `cannot be read: ${messageOf(thrown)}; make one with "openssl rand -hex 32" and give all nodes
      the same`,
      );
    },
  );
  const bytes = parseClusterSecret(text, path);
  const warning =
    (mode & READABLE_BY_OTHERS) === 0 ? null : `${path} is readable by every user; run "chmod 600 ${path}"`;
  return { bytes, warning };
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code !== 'ENOENT';
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
