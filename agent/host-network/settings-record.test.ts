import { describe, expect, it } from '@jest/globals';
import { settingsRecordFile } from '../../common/host/run-files.js';
import { CrashingDisk } from '../../common/testing/crashing-disk.js';
import { SettingsRecord } from './settings-record.js';
import type { SettingChange } from './settings-record.js';

const STATE = '/state';
const forwarding: SettingChange = {
  path: '/proc/sys/net/ipv6/conf/all/forwarding',
  found: '0',
  changedTo: '1',
  resets: [{ path: '/proc/sys/net/ipv6/conf/eth1/forwarding', value: '1' }],
};
const open = (disk: CrashingDisk, boot = 'first') => new SettingsRecord(disk, STATE, () => boot);

describe('SettingsRecord', () => {
  it('knows after a restart of the agent what was found', async () => {
    const disk = new CrashingDisk(() => 0);
    await open(disk).add(forwarding);
    expect(await open(disk).changes()).toEqual([forwarding]);
  });

  it('keeps what was found first when a setting is changed again', async () => {
    const disk = new CrashingDisk(() => 0);
    const record = open(disk);
    await record.add(forwarding);
    await record.add({ ...forwarding, found: '2' });
    expect(await record.changes()).toEqual([forwarding]);
  });

  it('is empty after a boot, which undid the settings', async () => {
    const disk = new CrashingDisk(() => 0);
    await open(disk).add(forwarding);
    expect(await open(disk, 'second').changes()).toEqual([]);
  });

  it('rejects, and has nothing recorded, when the disk refuses', async () => {
    const disk = new CrashingDisk(() => 0);
    const record = open(disk);
    await record.changes();
    disk.failAfter(1);
    await expect(record.add(forwarding)).rejects.toMatchObject({ message: expect.stringContaining('disk') });
    expect(await record.changes()).toEqual([]);
  });

  it('is empty where the file is damaged', async () => {
    const disk = new CrashingDisk(() => 0);
    await open(disk).add(forwarding);
    disk.flipByte(settingsRecordFile({ stateDir: STATE }), 90);
    expect(await open(disk).changes()).toEqual([]);
  });
});
