/** Key pair of the node on disk: made once, kept for the life of the node. Owns the file, not the keys (`mesh/`). */
import { dirname } from 'node:path';
import { HeddleError, IdentityError, messageOf } from '../../common/errors.js';
import { PRIVATE_FILE_MODE, replaceFile } from '../../common/storage/disk.js';
import type { Disk } from '../../common/storage/disk.js';

/** What makes, prints and reads an identity. `decode` throws a HeddleError that never repeats the text. */
export interface IdentityCodec<Identity> {
  generate(): Identity;
  encode(identity: Identity): string;
  decode(text: string): Identity;
}

/**
 * The identity in the file, or a new one, which is on disk when this resolves. A damaged file is an error and not a
 * reason for a new identity: peers would take the node for a stranger that claims its pod CIDRs.
 */
export async function loadOrCreateIdentity<Identity>(
  disk: Disk,
  path: string,
  codec: IdentityCodec<Identity>,
): Promise<Identity> {
  const known = await readIdentity(disk, path, codec);
  if (known !== null) return known;
  const identity = codec.generate();
  await disk.makeDirectory(dirname(path));
  await replaceFile(disk, path, Buffer.from(codec.encode(identity)), PRIVATE_FILE_MODE);
  return identity;
}

/** Null without a file. */
async function readIdentity<Identity>(
  disk: Disk,
  path: string,
  codec: IdentityCodec<Identity>,
): Promise<Identity | null> {
  try {
    const bytes = await disk.read(path);
    return bytes === null ? null : codec.decode(Buffer.from(bytes).toString('utf8'));
  } catch (thrown) {
    if (!(thrown instanceof HeddleError)) throw thrown;
    const cure = 'put back a copy of it, or remove it, after which the node joins as a new one';
    throw new IdentityError(`${path}: ${messageOf(thrown)}; ${cure}`);
  }
}
