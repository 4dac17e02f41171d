import { describe, expect, it } from '@jest/globals';
import { CommandError } from '../../common/errors.js';
import { nearlyFullTables } from './kernel-tables.js';

const NEIGHBOURS = '/proc/net/stat/arp_cache';
const THRESHOLD = '/proc/sys/net/ipv4/neigh/default/gc_thresh3';
const TRACKED = '/proc/sys/net/netfilter/nf_conntrack_count';
const MOST_TRACKED = '/proc/sys/net/netfilter/nf_conntrack_max';
const arpCache = (entries: number) =>
  `entries  allocs   destroys\n${entries.toString(16).padStart(8, '0')}  0000 0000\n${entries.toString(16)} 0 0\n`;

const onHost = (files: Readonly<Record<string, string>>) =>
  nearlyFullTables({
    run: (program, [path = '']) => {
      const content = files[path];
      return content === undefined
        ? Promise.reject(new CommandError(`${program} ${path}`, 1, 'No such file or directory'))
        : Promise.resolve(content);
    },
  });

describe('tables of the kernel', () => {
  it('are named from 80 percent on, with the line to type', async () => {
    const files = { [NEIGHBOURS]: arpCache(820), [THRESHOLD]: '1024\n' };
    expect(await onHost(files)).toEqual([
      '820 of at most 1024 IPv4 neighbours; when the table is full, no new neighbour is reached from this host: ' +
        'sysctl -w net.ipv4.neigh.default.gc_thresh3=2048',
    ]);
    expect(await onHost({ ...files, [NEIGHBOURS]: arpCache(819) })).toEqual([]);
  });

  it('are read for connections too', async () => {
    const [sentence] = await onHost({ [TRACKED]: '250000\n', [MOST_TRACKED]: '262144\n' });
    expect(sentence).toContain('sysctl -w net.netfilter.nf_conntrack_max=524288');
  });

  it('are no matter where they cannot be read', async () => {
    expect(await onHost({})).toEqual([]);
    expect(await onHost({ [NEIGHBOURS]: 'nonsense', [THRESHOLD]: '1024' })).toEqual([]);
  });
});
