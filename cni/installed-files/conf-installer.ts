/**
 * Installer of the CNI executable and the network configuration in the runtime's folders. `cli/uninstall/` removes them by
 * the lists below. Every file is written beside its final name and renamed: containerd ignores files renamed in from another
 * folder, and a running executable cannot be written to. The configuration comes last, since runtimes take a node with a
 * configuration as ready. A configuration that somebody edited is kept until it is deleted.
 */
import { join } from 'node:path';
import { replaceFile } from '../../common/storage/disk.js';
import type { Disk } from '../../common/storage/disk.js';
import type { PluginConf } from '../../common/cni-chain.js';
import { HeddleError } from '../../common/errors.js';
import type { CommandRunner } from '../../common/host/command.js';
import { CNI_EXECUTABLE_NAME, confList, formerConfLists, referencePluginsBeside } from './conf-list.js';
import type { ReferencePlugin } from './conf-list.js';
import { LEFT_CONF_NAME } from './left-plugin.js';
import { PluginFinder } from './plugin-finder.js';

/** Sorts before the files of distributions; runtimes use the first. */
const CONF_NAME = '10-heddle.conflist';
const SOCKET_FILE = `${CNI_EXECUTABLE_NAME}.socket`;
const SPOOL_FILE = `${CNI_EXECUTABLE_NAME}.spool`;
const PUBLIC_FILE_MODE = 0o644;
const PROGRAM_MODE = 0o755;

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
  /** Plugins after `heddle-cni` and the reference plugins. */
  readonly chain: readonly PluginConf[];
  /** Copy of the configuration list that was written last: a list that differs from it was edited. */
  readonly writtenConf: string;
  /** Paths on the host, for the executable. */
  readonly socketPath: string;
  readonly spoolDirectory: string;
}

export class ConfInstaller {
  readonly #finder: PluginFinder;
  #notes: readonly string[] = [];

  constructor(
    readonly disk: Disk,
    commands: CommandRunner,
    /** Asked at every {@link install}: settings may change. */
    readonly installation: () => CniInstallation,
  ) {
    this.#finder = new PluginFinder(disk, commands);
  }

  /** What an operator should know of the installed configuration, a sentence each; as of the last {@link install}. */
  get notes(): readonly string[] {
    return this.#notes;
  }

  /** To be called when pods can be attached. Resolves to whether a file was written. */
  async install(): Promise<boolean> {
    const installation = this.installation();
    const programs = installation.binDir !== '' && (await this.#installPrograms(installation));
    const conf = installation.confDir !== '' && (await this.#installConf(installation));
    return programs || conf;
  }

  async #installPrograms({ binDir, executable, socketPath, spoolDirectory }: CniInstallation): Promise<boolean> {
    const bytes = await this.disk.read(executable);
    if (bytes === null)
      throw new HeddleError('NOT_FOUND', `CNI executable ${executable} does not exist: run the build`);
    const socket = await this.#place(join(binDir, SOCKET_FILE), Buffer.from(`${socketPath}\n`), PUBLIC_FILE_MODE);
    const spool = await this.#place(join(binDir, SPOOL_FILE), Buffer.from(`${spoolDirectory}\n`), PUBLIC_FILE_MODE);
    return (await this.#place(join(binDir, CNI_EXECUTABLE_NAME), bytes, PROGRAM_MODE)) || socket || spool;
  }

  async #installConf(installation: CniInstallation): Promise<boolean> {
    const { confDir, cniVersion, chain, writtenConf } = installation;
    const { usable, obstacles } = await this.#referencePlugins(installation);
    const wanted = Buffer.from(confList({ cniVersion, usable, chain }));
    const path = join(confDir, CONF_NAME);
    if (await this.#isEdited(path, wanted, writtenConf)) {
      this.#notes = [
        `${path} was edited and is kept as it is: delete it to get the list of the settings within a minute`,
      ];
      return false;
    }
    this.#notes = obstacles;
    const changed = await this.#place(path, wanted, PUBLIC_FILE_MODE);
    await this.disk.remove(join(confDir, LEFT_CONF_NAME));
    await this.#place(writtenConf, wanted, PUBLIC_FILE_MODE);
    return changed;
  }

  async #referencePlugins({ binDir, cniVersion, chain }: CniInstallation) {
    const usable: ReferencePlugin[] = [];
    const obstacles: string[] = [];
    for (const plugin of referencePluginsBeside(chain)) {
      const obstacle = await this.#finder.obstacle(plugin, binDir, cniVersion);
      if (obstacle === null) usable.push(plugin);
      else obstacles.push(`pods with ${plugin.gives} are refused: ${obstacle}`);
    }
    return { usable, obstacles };
  }

  /** Whether somebody else wrote the file: it holds neither what is wanted, nor what was written last or by an earlier version. */
  async #isEdited(path: string, wanted: Uint8Array, writtenConf: string): Promise<boolean> {
    const present = textOf(await this.disk.read(path));
    if (present === null) return false;
    const own = [textOf(wanted), textOf(await this.disk.read(writtenConf)), ...formerConfLists()];
    return !own.includes(present);
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

function textOf(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : Buffer.from(bytes).toString();
}
