/**
 * Finder of the reference plugins: which of them a runtime on this node can call with the installed `cniVersion`. A plugin is
 * asked for its versions (verb VERSION) once per version of its file, since a list with a plugin that refuses its version
 * would let every ADD fail.
 */
import { join } from 'node:path';
import { HeddleError } from '../../common/errors.js';
import type { CommandRunner } from '../../common/host/command.js';
import type { Disk } from '../../common/storage/disk.js';
import type { ReferencePlugin } from './conf-list.js';

/** Where runtimes look for plugins when the node does not name a folder. */
const STANDARD_FOLDERS = ['/opt/cni/bin', '/usr/lib/cni'];
/** Older plugins ask for these with VERSION too. */
const UNUSED = ['CNI_CONTAINERID', 'CNI_IFNAME', 'CNI_NETNS', 'CNI_PATH'].map((name) => `${name}=unused`);
const DEBIAN_PACKAGE = 'containernetworking-plugins (Debian)';

interface Answer {
  readonly modifiedAtMs: number;
  /** Empty when the program gave no answer of that form. */
  readonly versions: readonly string[];
}

export class PluginFinder {
  /** By path. Bounded by the reference plugins and the folders. */
  readonly #answers = new Map<string, Answer>();

  constructor(
    readonly disk: Disk,
    readonly commands: CommandRunner,
  ) {}

  /** Null when the plugin can be used, else why not and what to do. @param binDir empty: the standard folders */
  async obstacle({ type }: ReferencePlugin, binDir: string, cniVersion: string): Promise<string | null> {
    const folders = binDir === '' ? STANDARD_FOLDERS : [binDir];
    const refusing: string[] = [];
    for (const path of folders.map((folder) => join(folder, type))) {
      const versions = await this.#versions(path);
      if (versions?.includes(cniVersion) === true) return null;
      if (versions !== null) refusing.push(`${path} does not support cniVersion ${cniVersion}`);
    }
    const [found] = refusing;
    if (found !== undefined) return `${found} (it supports ${await this.#supported(folders, type)})`;
    return `${type} is not in ${folders.join(' or ')}: it is part of the package ${DEBIAN_PACKAGE}`;
  }

  /** Null when there is no such program. */
  async #versions(path: string): Promise<readonly string[] | null> {
    const file = await this.disk.describe(path);
    if (file === null || (file.mode & 0o111) === 0) return null;
    const known = this.#answers.get(path);
    if (known?.modifiedAtMs === file.modifiedAtMs) return known.versions;
    const versions = await this.#ask(path);
    this.#answers.set(path, { modifiedAtMs: file.modifiedAtMs, versions });
    return versions;
  }

  async #ask(path: string): Promise<readonly string[]> {
    try {
      const printed = await this.commands.run(
        'env',
        ['CNI_COMMAND=VERSION', ...UNUSED, path],
        '{"cniVersion":"1.0.0"}',
      );
      const { supportedVersions } = JSON.parse(printed) as { supportedVersions?: unknown };
      return Array.isArray(supportedVersions) ? supportedVersions.map(String) : [];
    } catch (thrown) {
      if (thrown instanceof HeddleError || thrown instanceof SyntaxError) return []; // the obstacle says so
      throw thrown;
    }
  }

  async #supported(folders: readonly string[], type: string): Promise<string> {
    const lists = await Promise.all(folders.map((folder) => this.#versions(join(folder, type))));
    return [...new Set(lists.flatMap((list) => list ?? []))].join(', ') || 'no version that it names';
  }
}
