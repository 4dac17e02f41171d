import { describe, expect, it } from '@jest/globals';
import { CommandError } from '../../common/errors.js';
import { silentLogger } from '../../common/log.js';
import { NoticeLog } from '../../common/notice-log.js';
import { SeedResolver } from './seed-resolver.js';
import { UnderlayWatch } from './underlay-watch.js';
import { settle, VirtualClock } from '../../common/testing/virtual-clock.js';

function harness() {
  const clock = new VirtualClock();
  const notices = new NoticeLog(silentLogger(), clock);
  const host = {
    address: '192.0.2.1',
    fails: false,
    sent: { packets: 50, dropped: 7000 },
    discipline: 'noqueue',
    seed: '198.51.100.1',
    mtu: 1500,
    configuredMtu: 0,
    answer: Promise.resolve(),
  };
  const told: string[] = [];
  const watch: UnderlayWatch = new UnderlayWatch({
    commands: {
      run: (program, args) => {
        if (host.fails) return Promise.reject(new CommandError(program, 1, 'no'));
        const addresses = [{ local: host.address, prefixlen: 24, scope: 'global' }];
        const link = { ifname: 'eth0', mtu: host.mtu, addr_info: addresses };
        const counters = { qdisc: host.discipline, stats64: { tx: host.sent } };
        const route = { dst: host.seed, dev: 'eth0' };
        return Promise.resolve(JSON.stringify(args.includes('route') ? [route] : [{ ...link, ...counters }]));
      },
    },
    filter: () => ({ ownInterfaces: [], clusterCidrs: [] }),
    configuredMtuBytes: () => host.configuredMtu,
    seeds: new SeedResolver(['seed.example'], 6785, () => host.answer.then(() => [host.seed]), notices),
    clock,
    notices,
    onChanged: (what) => {
      const { addresses, seeds, mtuBytes } = watch;
      told.push(`${what} ${{ addresses, seeds: seeds.map(({ ip }) => ip), mtu: [mtuBytes] }[what].join()}`);
    },
  });
  return { clock, host, told, watch };
}

describe('UnderlayWatch', () => {
  it('tells changes, and only changes', async () => {
    const { clock, host, told, watch } = harness();
    await watch.firstLook();
    watch.start();
    await clock.advanceSettled(30_000, 10_000);
    expect(told).toEqual([]);
    host.address = '192.0.2.9';
    await clock.advanceSettled(10_000);
    expect(told).toEqual(['addresses 192.0.2.9']);
    host.seed = '198.51.100.2';
    await clock.advanceSettled(20_000, 10_000);
    expect(told).toEqual(['addresses 192.0.2.9', 'seeds 198.51.100.2']);
    watch.stop();
    expect(clock.pending).toBe(0);
  });

  it('follows the MTU of the interface towards the seeds, unless one is configured', async () => {
    const { clock, host, told, watch } = harness();
    await watch.firstLook();
    expect(watch.mtuBytes).toBe(1500);
    watch.start();
    host.mtu = 9001;
    await clock.advanceSettled(10_000);
    expect(told).toEqual(['mtu 9001']);
    host.configuredMtu = 1400;
    await watch.look();
    expect(told).toEqual(['mtu 9001', 'mtu 1400']);
    watch.stop();
  });

  it('names an interface that cannot take what this node sends', async () => {
    const { host, watch } = harness();
    await watch.firstLook();
    expect(watch.drops.advice).toBe('');
    host.sent = { packets: 950, dropped: 7100 };
    await watch.look();
    const what = 'eth0 could not take 100 packets, 10.0 % of what this node sends there';
    expect(watch.drops.advice).toBe(`${what}: tc qdisc replace dev eth0 root pfifo limit 10000`);
    host.sent = { packets: 1850, dropped: 7200 };
    host.discipline = 'fq_codel';
    await watch.look();
    expect(watch.drops.advice).toBe(what);
    host.sent = { packets: 100_000, dropped: 7400 };
    await watch.look();
    expect([watch.drops.advice, watch.drops.total]).toEqual(['', { underlayQueueFull: 400 }]);
  });

  it('does not wait for a resolver that hangs, and tells the seeds when it answers', async () => {
    const { clock, host, told, watch } = harness();
    let answer: () => void = () => undefined;
    host.answer = new Promise((resolve) => (answer = resolve));
    const looked = watch.firstLook();
    clock.advance(2_000);
    await looked;
    expect(watch.seeds).toEqual([]);
    answer();
    await settle();
    expect(told).toEqual(['seeds 198.51.100.1']);
  });

  it('keeps what it knows while the host cannot be asked', async () => {
    const { clock, host, told, watch } = harness();
    await watch.firstLook();
    watch.start();
    host.fails = true;
    await clock.advanceSettled(20_000, 10_000);
    expect(watch.addresses).toEqual(['192.0.2.1']);
    expect(told).toEqual([]);
    watch.stop();
  });
});
