import { describe, expect, it } from '@jest/globals';
import { CommandError } from '../../common/errors.js';
import { listTapDrops } from './tap-drops.js';

const link = (ifname: string, dropped: number) => ({ ifname, stats64: { rx: { dropped: 5 }, tx: { dropped } } });
const onHost = (links: readonly object[], disciplines: readonly object[] | null) => ({
  run: (program: string) =>
    program === 'tc' && disciplines === null
      ? Promise.reject(new CommandError('tc', null, 'spawn tc ENOENT'))
      : Promise.resolve(JSON.stringify(program === 'tc' ? disciplines : links)),
});

describe('frames that the kernel drops before the router reads them', () => {
  it('are those of the queue of the TAP and of the root of its queueing disciplines', async () => {
    const disciplines = [
      { kind: 'mq', root: true, drops: 7 },
      { kind: 'pfifo_fast', parent: ':1', drops: 7 },
    ];
    const host = onHost([{}, link('tun0', 100), link('heddle-tap', 3)], disciplines);
    expect(await listTapDrops(host, 'heddle-tap')).toEqual({ tapQueueFull: 10 });
  });

  it('are counted without tc', async () => {
    expect(await listTapDrops(onHost([link('heddle-tap', 3)], null), 'heddle-tap')).toEqual({ tapQueueFull: 3 });
  });

  it('are not named where there are none, or no TAP', async () => {
    expect(await listTapDrops(onHost([link('heddle-tap', 0)], []), 'heddle-tap')).toEqual({});
    expect(await listTapDrops(onHost([], []), 'heddle-tap')).toEqual({});
  });
});
