/** Image of one static busybox, made without a registry: what pods of the tests run. */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

export const BUSYBOX_IMAGE = 'localhost/heddle-test:1';
export const BUSYBOX = '/bin/busybox';
const LINKS = ['sh', 'sleep', 'ping', 'nc', 'cat'];
const ENTRYPOINT = ['/bin/sleep', '2147483647'];

interface OciArchive {
  readonly writeArchive: (image: object) => unknown;
}

/** Also good as the image of a sandbox. */
export async function writeBusyboxImage(output: string): Promise<void> {
  const { writeArchive } = (await import(resolve('deploy/image/oci-archive.mjs'))) as OciArchive;
  const scratch = mkdtempSync(join(tmpdir(), 'heddle-busybox-'));
  try {
    const root = join(scratch, 'root');
    for (const folder of ['bin', 'etc', 'proc', 'sys', 'dev', 'tmp', 'run']) {
      mkdirSync(join(root, folder), { recursive: true });
    }
    copyFileSync(BUSYBOX, join(root, 'bin/busybox'));
    for (const name of LINKS) symlinkSync('busybox', join(root, 'bin', name));
    const config = { Env: ['PATH=/bin'], Entrypoint: ENTRYPOINT };
    writeArchive({ root, scratch, output, name: BUSYBOX_IMAGE, config, compress: false });
  } finally {
    rmSync(scratch, { recursive: true });
  }
}
