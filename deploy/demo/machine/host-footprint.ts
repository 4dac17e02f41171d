/** Interfaces, nft tables, folders and processes of Heddle on the host, compared before and after a demo. */
import { existsSync, readdirSync } from 'node:fs';
import { hostCommands } from '../../../common/host/command.js';
import { listInterfaces } from '../../../common/host/ip-output.js';
import { processesNaming } from './processes.js';
import { listNamespaces } from './network-namespace.js';

/** Default folders of `meshd`. Nodes of the demo are configured with others. */
const DEFAULT_FOLDERS = ['/run/heddle', '/var/lib/heddle', '/etc/heddle'];
/** Names of Heddle. Other interfaces and tables may change meanwhile. */
const OUR_NAME = /heddle|^hd/;

export class HostFootprint {
  private constructor(
    readonly interfaces: readonly string[],
    readonly tables: readonly string[],
    readonly folders: readonly string[],
  ) {}

  static async take(): Promise<HostFootprint> {
    return new HostFootprint(await ourInterfaces(), await ourTables(), DEFAULT_FOLDERS.filter(existsSync));
  }

  /** Interfaces, nft tables, namespaces, processes and files that were not there before, one line each. */
  async leftovers(prefix: string): Promise<string[]> {
    const ofRun = (name: string): boolean => name.startsWith(prefix);
    const now = await HostFootprint.take();
    return [
      ...now.interfaces.filter((name) => !this.interfaces.includes(name)).map((name) => `interface ${name}`),
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

async function ourInterfaces(): Promise<string[]> {
  const interfaces = await listInterfaces(hostCommands, ['link']);
  return interfaces.map(({ name }) => name).filter((name) => OUR_NAME.test(name));
}

/** As `family name`. None for an ordinary user, who may neither list nor make tables. */
async function ourTables(): Promise<string[]> {
  const text = await hostCommands.run('nft', ['list', 'tables']).catch(() => '');
  return text
    .split('\n')
    .map((line) => line.replace(/^table /, ''))
    .filter((name) => OUR_NAME.test(name));
}
