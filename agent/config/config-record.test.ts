import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Config } from '../../common/config.js';
import { systemDisk } from '../../common/storage/disk.js';
import { readHostFile } from './config-command.js';
import { installedConfigs, keepConfigRecord, lastConfig } from './config-record.js';
import { loadConfig } from './config-sources.js';
import { bridgeMark } from '../host-network/bridge-mark.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'heddle-record-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** What an agent ran with that was started with flags of its own. */
const ran = (name: string): Config =>
  loadConfig(
    [
      ...['--state-dir', join(folder, name), '--run-dir', join(folder, 'run')],
      ...['--pod-cidrs', '10.1.1.0/24', '--cluster-cidrs', '10.1.0.0/16', '--bridge-name', `br-${name}`],
      ...['--cni-conf-dir', join(folder, 'conf'), '--cluster-secret-file', join(folder, 'secret')],
    ],
    {},
    () => null,
  );
const bridges = (links: readonly object[]) => ({ run: () => Promise.resolve(JSON.stringify(links)) });
const marked = (config: Config) => ({ ifname: config.bridgeName, ifalias: bridgeMark(config.stateDir) });
const noDefaults = (path: string) => (path.startsWith(folder) ? readHostFile(path) : null);
const find = (links: readonly object[], env: Record<string, string> = {}) =>
  installedConfigs(bridges(links), env, noDefaults);

describe('the record of the configuration', () => {
  it('leads from the bridge to all that its node was told, flags included', async () => {
    await keepConfigRecord(systemDisk, ran('a'));
    expect(await find([{ ifname: 'docker0' }, marked(ran('a'))])).toEqual([ran('a')]);
  });

  it('is for root only and names the secret without holding it', async () => {
    writeFileSync(join(folder, 'secret'), 'ab'.repeat(32));
    await keepConfigRecord(systemDisk, ran('a'));
    const path = join(folder, 'a', 'config.json');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readFileSync(path, 'utf8')).not.toContain('abab');
  });

  it('is found for every node of the host', async () => {
    for (const name of ['a', 'b']) await keepConfigRecord(systemDisk, ran(name));
    expect(await find([marked(ran('a')), marked(ran('b'))])).toEqual([ran('a'), ran('b')]);
  });

  it('is done without where it is gone: the bridge tells its own name and the state directory', async () => {
    const [found] = await find([marked(ran('a'))]);
    expect(found).toEqual({ ...loadConfig([], {}, () => null), stateDir: join(folder, 'a'), bridgeName: 'br-a' });
  });

  it('is read from the default place when no bridge is marked, and the defaults hold when there is none', async () => {
    const defaults = loadConfig([], {}, () => null);
    expect(await find([{ ifname: 'docker0', ifalias: 'uplink' }])).toEqual([defaults]);
    const recorded = (path: string) => (path === `${defaults.stateDir}/config.json` ? JSON.stringify(ran('a')) : null);
    expect(await installedConfigs(bridges([]), {}, recorded)).toEqual([ran('a')]);
  });

  it('counts for nothing when the environment says what is meant', async () => {
    await keepConfigRecord(systemDisk, ran('a'));
    const env = { HEDDLE_STATE_DIR: join(folder, 'else') };
    expect(await find([marked(ran('a'))], env)).toEqual([loadConfig([], env, () => null)]);
    expect(await find([marked(ran('a'))], { HEDDLE_API_SOCKET: '/x/api.sock' })).toEqual([ran('a')]);
  });

  it('that does not parse is named', async () => {
    await keepConfigRecord(systemDisk, ran('a'));
    writeFileSync(join(folder, 'a', 'config.json'), '{"lanes": "many"}');
    await expect(find([marked(ran('a'))])).rejects.toThrow('lanes');
    writeFileSync(join(folder, 'a', 'config.json'), '{"lanes": ');
    await expect(find([marked(ran('a'))])).rejects.toThrow('config.json');
  });

  it('of a later version counts without the settings that this one does not know, also for a restarted agent', async () => {
    await keepConfigRecord(systemDisk, ran('a'));
    rewrite((record) => ({ ...record, settingOfLater: ['x'], format: 'heddle-config/1' }));
    expect(await find([marked(ran('a'))])).toEqual([ran('a')]);
    expect(lastConfig(ran('a'), readHostFile)).toEqual(ran('a'));
  });

  it('in a later format is refused by its name, and is no configuration to go on with', async () => {
    await keepConfigRecord(systemDisk, ran('a'));
    rewrite((record) => ({ ...record, format: 'heddle-config/2' }));
    const said = 'has the format "heddle-config/2", expected heddle-config/1: a later version of Heddle wrote it';
    await expect(find([marked(ran('a'))])).rejects.toThrow(said);
    expect(lastConfig(ran('a'), readHostFile)).toBeNull();
  });

  it('is read by 0.1.0, which refuses what it does not know', async () => {
    await keepConfigRecord(systemDisk, ran('a'));
    const record = JSON.parse(readFileSync(join(folder, 'a', 'config.json'), 'utf8')) as object;
    expect(Object.keys(record)).toEqual(Object.keys(ran('a')));
  });
});

function rewrite(change: (record: object) => object): void {
  const path = join(folder, 'a', 'config.json');
  writeFileSync(path, JSON.stringify(change(JSON.parse(readFileSync(path, 'utf8')) as object)));
}
