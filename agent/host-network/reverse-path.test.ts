import { describe, expect, it } from '@jest/globals';
import { CommandError } from '../../common/errors.js';
import { listReversePathDrops, strictFilterAdvice } from './reverse-path.js';

const NETSTAT =
  'TcpExt: SyncookiesSent IPReversePathFilter TW\nTcpExt: 1 7 3\nIpExt: InNoRoutes InCEPkts\nIpExt: 4 5\n';

/** A host whose interfaces have these values of `rp_filter`. */
const onHost = (filters: Readonly<Record<string, string>>, netstat: string | null = NETSTAT) => ({
  run: (program: string, paths: readonly string[]) => {
    if (paths[0] === '/proc/net/netstat')
      return netstat === null ? Promise.reject(new CommandError('cat', 1, '')) : Promise.resolve(netstat);
    const lines = program === 'ls' ? Object.keys(filters) : paths.map((path) => filters[path.split('/').at(-2)!]);
    return Promise.resolve(`${lines.join('\n')}\n`);
  },
});

describe('reverse path filtering', () => {
  it('is counted by the kernel', async () => {
    expect(await listReversePathDrops(onHost({}))).toEqual({ reversePathFilter: 7 });
    expect(await listReversePathDrops(onHost({}, NETSTAT.replace(' 7 ', ' 0 ')))).toEqual({});
    expect(await listReversePathDrops(onHost({}, 'TcpExt: Other\nTcpExt: 1\n'))).toEqual({});
    expect(await listReversePathDrops(onHost({}, null))).toEqual({});
  });

  it('is strict where "all" or the interface says so, with the line to type', async () => {
    const loose = { all: '0', default: '1', eth0: '0', eth1: '2' };
    expect(await strictFilterAdvice(onHost(loose))).toBe('');
    expect(await strictFilterAdvice(onHost({ ...loose, eth0: '1' }))).toMatch(
      /: sysctl -w net\.ipv4\.conf\.eth0\.rp_filter=2$/,
    );
    expect(await strictFilterAdvice(onHost({ ...loose, all: '1', eth0: '1' }))).toMatch(
      /: sysctl -w net\.ipv4\.conf\.all\.rp_filter=2$/,
    );
  });
});
