import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { systemDisk } from '../common/storage/disk.js';
import type { Disk } from '../common/storage/disk.js';
import { CNI_BIN_FILES, CNI_CONF_FILES, ConfInstaller } from './conf-installer.js';

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
const installer = (renames: string[] = [], confDir = join(folder, 'conf')) =>
  new ConfInstaller(noting(renames), () => ({
    confDir,
    binDir: join(folder, 'bin'),
    executable: join(folder, 'relay'),
    cniVersion: '1.0.0',
    socketPath: '/run/heddle/cni.sock',
    spoolDirectory: '/var/lib/heddle/deferred-deletes',
  }));

describe('installing the CNI files', () => {
  it('renames each file into place within its folder, the configuration last', async () => {
    const renames: string[] = [];
    expect(await installer(renames).install()).toBe(true);
    expect(renames).toEqual([
      'bin/heddle-cni.socket',
      'bin/heddle-cni.spool',
      'bin/heddle-cni',
      'conf/10-heddle.conflist',
    ]);
    expect(readdirSync(join(folder, 'bin'))).toEqual(['heddle-cni', 'heddle-cni.socket', 'heddle-cni.spool']);
    expect(statSync(join(folder, 'bin', 'heddle-cni')).mode & 0o777).toBe(0o755);
    expect(JSON.parse(readFileSync(join(folder, 'conf', '10-heddle.conflist'), 'utf8'))).toEqual({
      cniVersion: '1.0.0',
      name: 'heddle',
      plugins: [{ type: 'heddle-cni', capabilities: { ips: true, mac: true } }],
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
    await installer([], '').install();
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
