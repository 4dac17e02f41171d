import { beforeEach, describe, expect, it } from '@jest/globals';
import type { HostInterface } from '../../cni/index.js';
import { VirtualClock } from '../../common/testing/virtual-clock.js';
import { NetworkWatch } from './network-watch.js';

const PORTS = ['hd0a', 'hd0b'].map((name, netnsId) => ({ name, peer: { index: 2, netnsId } })) as HostInterface[];
/** What `ip -oneline monitor link address route rule all-nsid` prints, shortened. */
const GOOD = '[nsid current]3: hd0a@if2: <BROADCAST,UP,LOWER_UP> mtu 1400 master heddle0 state UP';
const OFF_BRIDGE = '[nsid current]3: hd0a@if2: <BROADCAST,UP,LOWER_UP> mtu 1400 state UP';
const LEAVES_BRIDGE = '[nsid current]Deleted 3: hd0a@heddle0: <BROADCAST,UP> mtu 1400 master heddle0 state UP';
const DOWN = '[nsid current]3: hd0a@if2: <BROADCAST,MULTICAST> mtu 1400 master heddle0 state DOWN';
const DELETED = '[nsid current]Deleted 3: hd0a@NONE: <BROADCAST,MULTICAST> mtu 1400 qdisc noop state DOWN';
const POD_ROUTE = '[nsid 1]Deleted default via 10.1.1.1 dev heddle0 ';
const POD_DELETED = '[nsid 1]Deleted 2: eth0@NONE: <BROADCAST,MULTICAST> mtu 1400 qdisc noop state DOWN';

let clock: VirtualClock;
let watch: NetworkWatch;
/** What was mended, in order. */
let mended: string[];
/** Looks at the underlay. */
let looks: number;
/** Lines that the kernel prints because of a repair. */
let caused: string[];

/** Ports on which a CNI call is at work. */
let busy: Set<string>;

beforeEach(() => {
  busy = new Set();
  clock = new VirtualClock();
  mended = [];
  looks = 0;
  caused = [];
  const mend = (what: string) => {
    mended.push(what);
    for (const line of caused) watch.take(line);
    return Promise.resolve();
  };
  watch = new NetworkWatch({
    clock,
    names: { bridge: 'heddle0', tap: 'heddle-tap' },
    lookAtUnderlay: () => Promise.resolve(void looks++),
    isBusy: (name) => busy.has(name),
    mendHost: () => mend('host'),
    mendPods: (isConcerned) =>
      mend(
        PORTS.filter(isConcerned)
          .map(({ name }) => name)
          .join(),
      ),
  });
});

async function after(lines: readonly string[], ms = 1_000): Promise<string[]> {
  for (const line of lines) watch.take(line);
  for (let passed = 0; passed < ms; passed += 100) await clock.advanceSettled(100);
  return mended;
}

describe('NetworkWatch', () => {
  it.each([
    ['a deleted bridge', '[nsid current]Deleted 2: heddle0: <BROADCAST,MULTICAST> mtu 1500 state DOWN', 'host'],
    ['a bridge that is down', '[nsid current]2: heddle0: <BROADCAST,MULTICAST> mtu 1500 state DOWN', 'host'],
    ['a TAP off the bridge', '[nsid current]4: heddle-tap: <BROADCAST,UP> mtu 1500 state UP', 'host'],
    ['a removed gateway address', '[nsid current]Deleted 2: heddle0    inet 10.1.1.1/24 scope global heddle0', 'host'],
    ['a removed cluster route', '[nsid current]Deleted 10.1.0.0/16 via 10.1.1.3 dev heddle0 proto 157', 'host'],
    ['a port that is down', DOWN, 'hd0a'],
    ['a port off the bridge', OFF_BRIDGE, 'hd0a'],
    ['a removed route to a pod', '[nsid current]Deleted 10.1.1.7 dev hd0a proto 157 scope link ', 'hd0a'],
    ['a removed route inside a pod', POD_ROUTE, 'hd0b'],
    [
      'a removed route of a table inside a pod',
      '[nsid 1]Deleted default via 10.1.1.1 dev eth0 table 1745182720',
      'hd0b',
    ],
    ['a removed rule inside a pod', '[nsid 1]Deleted 1040:\tfrom 10.1.1.2 lookup 1745182720', 'hd0b'],
    ['a removed address inside a pod', '[nsid 1]Deleted 2: hd1    inet 10.1.1.2/32 scope global eth0\\', 'hd0b'],
  ])('asks within a second for the repair of %s', async (_, line, repaired) => {
    expect(await after([line])).toEqual([repaired]);
  });

  it.each([
    ['an attachment', [OFF_BRIDGE, DOWN, GOOD]],
    ['a detachment', [DOWN, LEAVES_BRIDGE, OFF_BRIDGE, DELETED]],
    ['the end of a pod', [POD_ROUTE, POD_DELETED]],
    ['a new bridge', ['[nsid current]2: heddle0: <BROADCAST> mtu', '[nsid current]2: heddle0: <BROADCAST,UP> mtu']],
    ['the bridge with another state', ['[nsid current]2: heddle0: <NO-CARRIER,BROADCAST,UP> mtu 1500 state DOWN']],
    ['interfaces of others', ['[nsid current]Deleted 9: docker0: <BROADCAST> mtu 1500', '[nsid current]', 'x']],
    ['routes of the kernel', ['[nsid 1]Deleted fe80::/64 dev eth0 proto kernel metric 256']],
    ['routes to own addresses', ['[nsid 1]Deleted local 10.1.1.2 dev eth0 table local proto kernel scope host']],
    ['addresses of the kernel', ['[nsid 1]Deleted 2: hd1    inet6 fe80::9088:bcff:fe34:9431/64 scope link \\']],
    ['a rule of the host', ['[nsid current]Deleted 32765:\tfrom 192.0.2.9 lookup 99']],
  ])('asks for nothing after %s', async (_, lines) => {
    expect(await after(lines)).toEqual([]);
  });

  it('asks for the repair of a pod whose interface was set down, when it is up again', async () => {
    const up = '[nsid 1]2: eth0@if7: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1400 state UP';
    const down = '[nsid 1]2: eth0@if7: <BROADCAST,MULTICAST> mtu 1400 state DOWN';
    expect(await after([down, up, up, down])).toEqual([]);
    expect(await after([up])).toEqual(['hd0b']);
  });

  it('asks for no repair of a port on which a CNI call is at work', async () => {
    busy.add('hd0a');
    expect(await after([DOWN])).toEqual([]);
    busy.clear();
    expect(await after([DOWN])).toEqual(['hd0a']);
  });

  it('mends the bridge before the ports that lost it', async () => {
    expect(await after([LEAVES_BRIDGE, OFF_BRIDGE, '[nsid current]Deleted 2: heddle0: <BROADCAST> mtu'])).toEqual([
      'host',
      'hd0a',
    ]);
  });

  it('repairs at growing distances what its own repair damages, and soon again after a quiet time', async () => {
    caused = [DOWN];
    expect(await after([DOWN], 60_000)).toHaveLength(19);
    caused = [];
    await after([], 30_000);
    mended.length = 0;
    expect(await after([DOWN])).toEqual(['hd0a']);
  });

  it('asks for nothing once it is stopped', async () => {
    watch.take(DOWN);
    await watch.stop();
    expect([await after([DOWN]), clock.pending]).toEqual([[], 0]);
  });

  it.each([
    ['an interface of the underlay', '[nsid current]2: eth0@if9: <BROADCAST,UP,LOWER_UP> mtu 1400 state UP'],
    ['an address', '[nsid current]2: eth0    inet 192.0.2.1/24 scope global eth0'],
    ['a route', '[nsid current]default via 192.0.2.9 dev eth0 mtu 1400'],
  ])('looks at the underlay within a second when %s changes', async (_, line) => {
    expect(await after([line])).toEqual([]);
    expect(looks).toBe(1);
  });
});
