import { describe, expect, it } from '@jest/globals';
import { CrashingDisk } from '../common/testing/crashing-disk.js';
import { parseIpAddress } from '../common/address/ip-address.js';
import { silentLogger } from '../common/log.js';
import { parseMacAddress } from '../common/address/mac-address.js';
import { SOLE_ROUTING } from './attachment.js';
import type { EndpointRecord } from './attachment.js';
import { EndpointStore } from './endpoint-store.js';

const record = (containerId: string): EndpointRecord => ({
  containerId,
  ifname: 'eth0',
  network: 'heddle',
  netns: '/run/netns/x',
  hostInterface: `hd-${containerId}`,
  mac: parseMacAddress('0a:58:0a:01:00:02'),
  ips: [parseIpAddress('10.1.0.2'), parseIpAddress('fd00::2')],
  routing: { defaultFamilies: [4], clusterFamilies: [4, 6], metric: 50, beside: true },
  podNamespace: null,
  podName: 'cart-0',
  since: '2026-01-01T00:00:00.000Z',
});
const open = (disk: CrashingDisk) => EndpointStore.open(disk, '/state', silentLogger());

describe('the endpoint store', () => {
  it('holds on disk what it lists', async () => {
    const disk = new CrashingDisk(() => 0);
    const store = await open(disk);
    await Promise.all([store.put(record('a')), store.put(record('b')), store.remove('hd-a')]);
    disk.restart();
    const again = await open(disk);
    expect(again.list()).toEqual([record('b')]);
    expect(again.get('hd-b')).toEqual(record('b'));
    expect(again.get('hd-a')).toBeNull();
  });

  it('takes records of an earlier version, which have the default routes of their pods', async () => {
    const disk = new CrashingDisk(() => 0);
    const former: Partial<EndpointRecord> = record('a');
    await (await open(disk)).put({ ...former, routing: undefined } as unknown as EndpointRecord);
    expect((await open(disk)).list()).toEqual([{ ...former, routing: SOLE_ROUTING }]);
  });

  it('does not list a record, nor drop one, when the write fails', async () => {
    const disk = new CrashingDisk(() => 0);
    const store = await open(disk);
    await store.put(record('a'));
    disk.failAfter(2);
    await expect(store.put(record('b'))).rejects.toMatchObject({ code: 'STORE_FAILED' });
    disk.failAfter(2);
    await expect(store.remove('hd-a')).rejects.toMatchObject({ code: 'STORE_FAILED' });
    expect(store.list()).toEqual([record('a')]);
  });

  it('writes nothing for the removal of an unknown record', async () => {
    const disk = new CrashingDisk(() => 0);
    const store = await open(disk);
    await store.remove('hd-a');
    expect(disk.paths()).toEqual([]);
  });

  it('starts empty when its file is damaged, and keeps that file under another name', async () => {
    const disk = new CrashingDisk(() => 0);
    await (await open(disk)).put(record('a'));
    disk.flipByte('/state/endpoints.json', 99);
    expect((await open(disk)).list()).toEqual([]);
    expect(disk.paths()).toContain('/state/endpoints.json.corrupt-1');
  });
});
