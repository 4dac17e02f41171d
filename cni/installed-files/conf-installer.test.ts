import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { systemDisk } from '../../common/storage/disk.js';
import type { Disk } from '../../common/storage/disk.js';
import type { CommandRunner } from '../../common/host/command.js';
import { CNI_BIN_FILES, CNI_CONF_FILES, ConfInstaller } from './conf-installer.js';
import type { CniInstallation } from './conf-installer.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'heddle-install-'));
  writeFileSync(join(folder, 'relay'), 'program 1');
});
afterEach(() => rmSync(folder, { recursive: true }));

/** The system's disk; appends the name of each file that is renamed into place. */
function noting(renames: string[]): Disk {
  return {
    ...systemDisk,
    rename: (from, to) => {
      expect(join(from, '..')).toBe(join(to, '..'));
      renames.push(to.slice(folder.length + 1));
      return systemDisk.rename(from, to);
    },
  };
}
/** Plugins are files that hold their answer to VERSION. */
const commands: CommandRunner = {
  run(_program, args) {
    expect(args).toContain('CNI_COMMAND=VERSION');
    return Promise.resolve(readFileSync(args.at(-1)!, 'utf8'));
  },
};
const installer = (renames: string[] = [], changes: Partial<CniInstallation> = {}) =>
  new ConfInstaller(noting(renames), commands, () => ({
    confDir: join(folder, 'conf'),
    binDir: join(folder, 'bin'),
    executable: join(folder, 'relay'),
    cniVersion: '1.0.0',
    chain: [],
    writtenConf: join(folder, 'state', 'written.conflist'),
    socketPath: '/run/heddle/cni.sock',
    spoolDirectory: '/var/lib/heddle/deferred-deletes',
    ...changes,
  }));
const confPath = () => join(folder, 'conf', '10-heddle.conflist');
const conf = () =>
  JSON.parse(readFileSync(confPath(), 'utf8')) as { plugins: { type: string; capabilities: object }[] };

function addPlugin(name: string, versions: readonly string[]): void {
  mkdirSync(join(folder, 'bin'), { recursive: true });
  const answer = { cniVersion: '1.0.0', supportedVersions: versions };
  writeFileSync(join(folder, 'bin', name), JSON.stringify(answer), { mode: 0o755 });
}

describe('installing the CNI files', () => {
  it('renames each file into place within its folder, the configuration last', async () => {
    const renames: string[] = [];
    expect(await installer(renames).install()).toBe(true);
    expect(renames).toEqual([
      'bin/heddle-cni.socket',
      'bin/heddle-cni.spool',
      'bin/heddle-cni',
      'conf/10-heddle.conflist',
      'state/written.conflist',
    ]);
    expect(readdirSync(join(folder, 'bin'))).toEqual(['heddle-cni', 'heddle-cni.socket', 'heddle-cni.spool']);
    expect(statSync(join(folder, 'bin', 'heddle-cni')).mode & 0o777).toBe(0o755);
    expect(JSON.parse(readFileSync(join(folder, 'conf', '10-heddle.conflist'), 'utf8'))).toEqual({
      cniVersion: '1.0.0',
      name: 'heddle',
      plugins: [{ type: 'heddle-cni', capabilities: { ips: true, mac: true, portMappings: true, bandwidth: true } }],
    });
  });

  it('writes only files that differ', async () => {
    await installer().install();
    const renames: string[] = [];
    expect(await installer(renames).install()).toBe(false);
    writeFileSync(join(folder, 'relay'), 'program 2');
    expect(await installer(renames).install()).toBe(true);
    expect(renames).toEqual(['bin/heddle-cni']);
  });

  it('installs no configuration without a folder for it, and none without the executable', async () => {
    await installer([], { confDir: '' }).install();
    expect(readdirSync(folder)).toEqual(['bin', 'relay']);
    rmSync(join(folder, 'relay'));
    await expect(installer().install()).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(readdirSync(folder)).toEqual(['bin']);
  });

  it('installs exactly the files of the lists for uninstall', async () => {
    await installer().install();
    expect(readdirSync(join(folder, 'conf'))).toEqual(CNI_CONF_FILES);
    expect(readdirSync(join(folder, 'bin')).sort()).toEqual([...CNI_BIN_FILES].sort());
  });
});

describe('plugins after heddle-cni', () => {
  it('are the reference plugins of the plugin folder that support the version; the others are named', async () => {
    addPlugin('portmap', ['0.4.0', '1.0.0']);
    addPlugin('bandwidth', ['0.4.0']);
    const one = installer();
    await one.install();
    expect(conf().plugins).toEqual([
      { type: 'heddle-cni', capabilities: { ips: true, mac: true, bandwidth: true } },
      { type: 'portmap', capabilities: { portMappings: true }, snat: true },
    ]);
    expect(one.notes).toEqual([
      `pods with limits of bandwidth are refused: ${folder}/bin/bandwidth does not support cniVersion 1.0.0 (it supports 0.4.0)`,
    ]);
    rmSync(join(folder, 'bin', 'bandwidth'));
    await one.install();
    expect(one.notes).toEqual([expect.stringContaining(`bandwidth is not in ${folder}/bin`)]);
  });

  it('follow when a plugin is added or removed while the agent runs', async () => {
    const one = installer();
    await one.install();
    expect(conf().plugins).toHaveLength(1);
    addPlugin('portmap', ['1.0.0']);
    expect(await one.install()).toBe(true);
    expect(conf().plugins.map(({ type }) => type)).toEqual(['heddle-cni', 'portmap']);
    rmSync(join(folder, 'bin', 'portmap'));
    expect(await one.install()).toBe(true);
    expect(conf().plugins).toHaveLength(1);
  });

  it('end with those of the setting, which may replace a reference plugin', async () => {
    addPlugin('portmap', ['1.0.0']);
    const mapping = { type: 'portmap', capabilities: { portMappings: true }, snat: false };
    const chain = [{ type: 'tuning', sysctl: { 'net.core.somaxconn': '512' } }, mapping];
    await installer([], { chain }).install();
    expect(conf().plugins).toEqual([
      { type: 'heddle-cni', capabilities: { ips: true, mac: true, bandwidth: true } },
      ...chain,
    ]);
  });
});

describe('a configuration list that is there already', () => {
  it('is kept when somebody edited it, which is said, until it is deleted', async () => {
    const one = installer();
    await one.install();
    writeFileSync(confPath(), '{"plugins":[]}');
    expect(await one.install()).toBe(false);
    expect(await installer([], { cniVersion: '0.4.0' }).install()).toBe(false);
    expect(conf().plugins).toEqual([]);
    expect(one.notes).toEqual([expect.stringMatching(/10-heddle.conflist was edited and is kept as it is: delete it/)]);
    rmSync(confPath());
    expect(await one.install()).toBe(true);
    expect(conf().plugins).toHaveLength(1);
  });

  it('is replaced when it is the one written last, or one of an earlier version', async () => {
    await installer().install();
    await installer([], { cniVersion: '0.4.0' }).install();
    expect(conf()).toMatchObject({ cniVersion: '0.4.0' });
    rmSync(join(folder, 'state'), { recursive: true });
    const plugin = { type: 'heddle-cni', capabilities: { ips: true, mac: true } };
    const former = { cniVersion: '1.0.0', name: 'heddle', plugins: [plugin] };
    writeFileSync(confPath(), `${JSON.stringify(former, null, 2)}\n`);
    expect(await installer().install()).toBe(true);
    expect(conf().plugins[0]!.capabilities).toMatchObject({ portMappings: true });
  });
});
