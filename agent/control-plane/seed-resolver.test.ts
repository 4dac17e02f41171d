import { describe, expect, it } from '@jest/globals';
import { HeddleError } from '../../common/errors.js';
import { silentLogger } from '../../common/log.js';
import { NoticeLog } from '../../common/notice-log.js';
import { SeedResolver } from './seed-resolver.js';
import { VirtualClock } from '../../common/testing/virtual-clock.js';

const notices = () => new NoticeLog(silentLogger(), new VirtualClock());

describe('SeedResolver', () => {
  it('gives all addresses of every name, each once', async () => {
    const resolve = () => Promise.resolve(['192.0.2.1', '2001:DB8::1', 'fe80::1%eth0']);
    const seeds = new SeedResolver(['node-a', '192.0.2.1'], 6785, resolve, notices());
    expect(await seeds.addresses()).toEqual([
      { ip: '192.0.2.1', port: 6785 },
      { ip: '2001:db8::1', port: 6785 },
    ]);
  });

  it('keeps the last known addresses while the resolver is down', async () => {
    const state = { down: false };
    const resolve = () =>
      state.down ? Promise.reject(new HeddleError('NOT_FOUND', 'EAI_AGAIN')) : Promise.resolve(['192.0.2.1']);
    const seeds = new SeedResolver(['node-a'], 6785, resolve, notices());
    const before = await seeds.addresses();
    state.down = true;
    expect(await seeds.addresses()).toEqual(before);
  });

  it('has none for a name that never resolved', async () => {
    const resolve = () => Promise.reject(new HeddleError('NOT_FOUND', 'ENOTFOUND'));
    expect(await new SeedResolver(['typo'], 6785, resolve, notices()).addresses()).toEqual([]);
  });

  it('bounds what a name with very many addresses contributes', async () => {
    const resolve = () => Promise.resolve(Array.from({ length: 300 }, (_, i) => `10.0.${i >> 8}.${i & 255}`));
    expect(await new SeedResolver(['big'], 6785, resolve, notices()).addresses()).toHaveLength(64);
  });
});
