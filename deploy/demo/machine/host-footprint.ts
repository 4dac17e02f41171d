/** What the demo could leave on the host itself, looked at before and after. */
import { existsSync, readdirSync } from 'node:fs';
import { hostCommands, runJson } from '../../../common/host/command.js';
import { processesNaming } from './processes.js';
import { listNamespaces } from './network-namespace.js';

/** Where `meshd` keeps things unless told otherwise, as every node of the demo is. */
const DEFAULT_FOLDERS = ['/run/heddle', '/var/lib/heddle', '/etc/heddle'];
/** What bears our name: others may change the host meanwhile. */
const OUR_NAME = /heddle|^hd/;

export class HostFootprint {
  private constructor(
    readonly links: readonly string[],
    readonly tables: readonly string[],
    readonly folders: readonly string[],
  ) {}

  static async take(): Promise<HostFootprint> {
    return new HostFootprint(await ourLinks(), await ourTables(), DEFAULT_FOLDERS.filter(existsSync));
  }

  /** Links, nft tables, namespaces, processes and files that were not there before, one line each. */
  async leftovers(prefix: string): Promise<string[]> {
    const ofRun = (name: string): boolean => name.startsWith(prefix);
    const now = await HostFootprint.take();
    return [
      ...now.links.filter((name) => !this.links.includes(name)).map((name) => `link ${name}`),
      ...now.tables.filter((name) => !this.tables.includes(name)).map((name) => `nft table ${name}`),
      ...now.folders.filter((path) => !this.folders.includes(path)).map((path) => `directory ${path}`),
      ...listNamespaces()
        .filter(ofRun)
        .map((name) => `network namespace ${name}`),
      ...readdirSync('/run')
        .filter(ofRun)
        .map((name) => `directory /run/${name}`),
      ...processesNaming(prefix).map(({ pid, words }) => `process ${pid}: ${words.join(' ')}`),
    ];
  }
}

async function ourLinks(): Promise<string[]> {
  const links = (await runJson(hostCommands, 'ip', ['-json', 'link'])) as { readonly ifname: string }[];
  return links.map((link) => link.ifname).filter((name) => OUR_NAME.test(name));
}

/** As `family name`. An ordinary user may not ask, and could not have made one either. */
async function ourTables(): Promise<string[]> {
  const text = await hostCommands.run('nft', ['list', 'tables']).catch(() => '');
  return text
    .split('\n')
    .map((line) => line.replace(/^table /, ''))
    .filter((name) => OUR_NAME.test(name));
}
