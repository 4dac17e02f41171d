import { describe, expect, it } from '@jest/globals';
import type { Station } from '../../cni/index.js';
import { settle, VirtualClock } from '../../common/testing/virtual-clock.js';
import { StationWatch } from './station-watch.js';

function harness() {
  const clock = new VirtualClock();
  const changes: Station[] = [];
  const watch = new StationWatch({
    clock,
    changed: (station) => Promise.resolve(void changes.push(station)),
  });
  return { clock, changes, watch };
}
const line = (mac: string, nsid = '[nsid 3]') =>
  `${nsid}2: eth0@if9: <BROADCAST,UP> mtu 1400 state UP \\    link/ether ${mac} brd ff:ff:ff:ff:ff:ff link-netnsid 0`;

describe('StationWatch', () => {
  it('tells of an interface in another namespace at once, and of nothing else', async () => {
    const { watch, changes } = harness();
    for (const text of [
      line('02:00:00:00:00:01', '[nsid current]'),
      line('02:00:00:00:00:01', '[nsid 3]Deleted '),
      line('02:00:00:00:00:01').replace('@if9', '@NONE'),
      '',
    ]) {
      watch.take(text);
    }
    watch.take(line('02:00:00:00:00:07'));
    await settle();
    expect(changes).toEqual([{ netnsId: 3, index: 2, mac: '02:00:00:00:00:07' }]);
  });

  it('passes on the first of many changes at once, and then the last once a round', async () => {
    const { clock, watch, changes } = harness();
    for (let i = 10; i < 60; i++) watch.take(line(`02:00:00:00:00:${i}`));
    await settle();
    await clock.advanceSettled(250);
    expect(changes.map(({ mac }) => mac)).toEqual(['02:00:00:00:00:10', '02:00:00:00:00:59']);
  });
});
