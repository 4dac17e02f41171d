import { describe, expect, it } from '@jest/globals';
import { listPodDrops, PodDrops } from './pod-drops.js';

describe('frames that the kernel drops at the interfaces of pods', () => {
  it('are those of the group of the host interfaces', async () => {
    const ran: string[] = [];
    const links = [
      {},
      { ifname: 'hd1', stats64: { rx: { dropped: 9 }, tx: { dropped: 3 } } },
      { ifname: 'hd2', stats64: { tx: { dropped: 0 } } },
    ];
    const run = (program: string, args: readonly string[]) => {
      ran.push([program, ...args].join(' '));
      return Promise.resolve(JSON.stringify(links));
    };
    const drops = await listPodDrops({ run });
    expect(ran).toEqual(['ip -json -statistics link show group 26724']);
    expect([drops.get('hd1'), drops.get('hd2')]).toEqual([3, 0]);
  });

  it('stay counted when a pod goes, and when its interface is made anew', () => {
    const drops = new PodDrops();
    expect(drops.total).toEqual({});
    drops.note(
      new Map([
        ['hd1', 3],
        ['hd2', 4],
      ]),
    );
    drops.note(new Map([['hd2', 6]]));
    expect(drops.total).toEqual({ podInterfaceDropped: 9 });
    drops.note(
      new Map([
        ['hd1', 1],
        ['hd2', 2],
      ]),
    );
    expect(drops.total).toEqual({ podInterfaceDropped: 12 });
  });
});
