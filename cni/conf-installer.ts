/**
 * Installer of the CNI executable and the network configuration in the runtime's folders. `cli/uninstall/` removes them by
 * the lists below. Every file is written beside its final name and renamed: containerd ignores files renamed in from another
 * folder, and a running executable cannot be written to. The configuration comes last, since runtimes take a node with a
 * configuration as ready.
 */
import { join } from 'node:path';
import { replaceFile } from '../common/storage/disk.js';
import type { Disk } from '../common/storage/disk.js';
import { HeddleError } from '../common/errors.js';

const CNI_NETWORK_NAME = 'heddle';
const CNI_EXECUTABLE_NAME = 'heddle-cni';
/** Sorts before the files of distributions; runtimes use the first. */
const CONF_NAME = '10-heddle.conflist';
const SOCKET_FILE = `${CNI_EXECUTABLE_NAME}.socket`;
const SPOOL_FILE = `${CNI_EXECUTABLE_NAME}.spool`;

/** Names of all installed files, in the runtime's configuration folder and in its plugin folder. */
export const CNI_CONF_FILES: readonly string[] = [CONF_NAME];
export const CNI_BIN_FILES: readonly string[] = [CNI_EXECUTABLE_NAME, SOCKET_FILE, SPOOL_FILE];

export interface CniInstallation {
  /** Absolute; empty when that part is not to be installed. */
  readonly confDir: string;
  readonly binDir: string;
  /** The relay's executable, copied to `binDir`. */
  readonly executable: string;
  /** Of the configuration list; the runtimes on this node must support it. */
  readonly cniVersion: string;
  /** Paths on the host, for the executable. */
  readonly socketPath: string;
  readonly spoolDirectory: string;
}

export class ConfInstaller {
  constructor(
    readonly disk: Disk,
    /** Asked at every {@link install}: settings may change. */
    readonly installation: () => CniInstallation,
  ) {}

  /** To be called when pods can be attached. Resolves to whether a file was written. */
  async install(): Promise<boolean> {
    const { binDir, confDir, executable, cniVersion, socketPath, spoolDirectory } = this.installation();
    let changed = false;
    if (binDir !== '') {
      const bytes = await this.disk.read(executable);
      if (bytes === null)
        throw new HeddleError('NOT_FOUND', `CNI executable ${executable} does not exist: run the build`);
      changed = (await this.#place(join(binDir, SOCKET_FILE), Buffer.from(`${socketPath}\n`), 0o644)) || changed;
      changed = (await this.#place(join(binDir, SPOOL_FILE), Buffer.from(`${spoolDirectory}\n`), 0o644)) || changed;
      changed = (await this.#place(join(binDir, CNI_EXECUTABLE_NAME), bytes, 0o755)) || changed;
    }
    if (confDir !== '') {
      const conf = Buffer.from(confList(cniVersion));
      changed = (await this.#place(join(confDir, CONF_NAME), conf, 0o644)) || changed;
    }
    return changed;
  }

  async #place(path: string, bytes: Uint8Array, mode: number): Promise<boolean> {
    const present = await this.disk.read(path);
    const description = await this.disk.describe(path);
    if (present !== null && Buffer.from(present).equals(bytes) && description?.mode === mode) return false;
    await this.disk.makeDirectory(join(path, '..'));
    await replaceFile(this.disk, path, bytes, mode);
    return true;
  }
}

function confList(cniVersion: string): string {
  const plugin = { type: CNI_EXECUTABLE_NAME, capabilities: { ips: true, mac: true } };
  return `${JSON.stringify({ cniVersion, name: CNI_NETWORK_NAME, plugins: [plugin] }, null, 2)}\n`;
}
