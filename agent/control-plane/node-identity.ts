/** Key pair of the node on disk: made once, kept for the life of the node. Owns the file, not the keys (`mesh/`). */
import { dirname } from 'node:path';
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
  const bytes = await disk.read(path);
  if (bytes !== null) return codec.decode(Buffer.from(bytes).toString('utf8'));
  const identity = codec.generate();
  await disk.makeDirectory(dirname(path));
  await replaceFile(disk, path, Buffer.from(codec.encode(identity)), PRIVATE_FILE_MODE);
  return identity;
}
