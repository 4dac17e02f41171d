import { describe, expect, it } from '@jest/globals';
import { parseCidr } from '../../common/address/cidr.js';
import { CommandError } from '../../common/errors.js';
import { parseIpAddress } from '../../common/address/ip-address.js';
import type { SocketAddress } from '../../common/address/socket-address.js';
import { advertisedEndpoints, underlayInterfaces, underlayMtu } from './underlay.js';

/** Answers `ip` with canned JSON by its arguments; what is not listed fails as an unreachable network does. */
function ipSaying(answers: Readonly<Record<string, unknown>>) {
  return {
    run(program: string, args: readonly string[]): Promise<string> {
      const answer = answers[args.filter((arg) => arg !== '-json').join(' ')];
      if (answer === undefined) throw new CommandError(`${program} ${args.join(' ')}`, 2, 'Network is unreachable');
      return Promise.resolve(JSON.stringify(answer));
    },
  };
}

const address = (local: string, extra: object = {}) => ({
  family: local.includes(':') ? 'inet6' : 'inet',
  local,
  prefixlen: 24,
  scope: 'global',
  ...extra,
});
const filter = { ownInterfaces: ['heddle0', 'heddle-tap'], clusterCidrs: [parseCidr('10.1.0.0/16')] };

describe('underlayInterfaces', () => {
  it('takes stable global addresses of all interfaces except our own', async () => {
    const links = [
      { ifname: 'lo', addr_info: [address('127.0.0.1', { scope: 'host' })] },
      {
        ifname: 'eth0',
        addr_info: [
          address('192.0.2.5'),
          address('2001:DB8::5'),
          address('2001:db8::7', { temporary: true }),
          address('2001:db8::8', { tentative: true }),
          address('fe80::1', { scope: 'link' }),
        ],
      },
      { ifname: 'eth1', addr_info: [address('198.51.100.5')] },
      { ifname: 'heddle0', addr_info: [address('10.9.0.1')] },
      { ifname: 'veth1', addr_info: [address('10.1.4.1')] },
      {},
    ];
    const found = await underlayInterfaces(ipSaying({ '-statistics address show up': links }), filter);
    expect(found.map(({ info }) => info.name)).toEqual(['eth0', 'eth1']);
    expect(found.flatMap(({ addresses }) => addresses)).toEqual(['192.0.2.5', '2001:db8::5', '198.51.100.5']);
  });
});

describe('advertisedEndpoints', () => {
  const addresses = ['192.0.2.5', '2001:db8::5'].map(parseIpAddress);

  it('offers every address, or only the one that is bound', () => {
    expect(advertisedEndpoints(addresses, '', 6785)).toHaveLength(2);
    expect(advertisedEndpoints(addresses, '0.0.0.0', 6785)).toHaveLength(2);
    expect(advertisedEndpoints(addresses, '198.51.100.1', 7000)).toEqual([{ ip: '198.51.100.1', port: 7000 }]);
  });

  it('never offers more than an advert may carry', () => {
    const many = Array.from({ length: 40 }, (_, i) => parseIpAddress(`192.0.2.${i + 1}`));
    expect(advertisedEndpoints(many, '', 6785)).toHaveLength(16);
  });
});

describe('underlayMtu', () => {
  const seed = (ip: string): SocketAddress => ({ ip: parseIpAddress(ip), port: 6785 });

  it('is the smallest on the way to any seed', async () => {
    const ip = ipSaying({
      'route get 192.0.2.9': [{ dst: '192.0.2.9', dev: 'eth0' }],
      'route get 198.51.100.9': [{ dst: '198.51.100.9', dev: 'eth1' }],
      'link show dev eth0': [{ ifname: 'eth0', mtu: 9000 }],
      'link show dev eth1': [{ ifname: 'eth1', mtu: 1450 }],
    });
    expect(await underlayMtu(ip, [seed('192.0.2.9'), seed('198.51.100.9')])).toBe(1450);
  });

  it('believes the route before the interface', async () => {
    const ip = ipSaying({ 'route get 192.0.2.9': [{ dst: '192.0.2.9', dev: 'eth0', metrics: [{ mtu: 1400 }] }] });
    expect(await underlayMtu(ip, [seed('192.0.2.9')])).toBe(1400);
  });

  it('uses the default route without seeds, of either family', async () => {
    const ip = ipSaying({
      'route show default': [],
      '-6 route show default': [{ dst: 'default', dev: 'eth0' }],
      'link show dev eth0': [{ ifname: 'eth0', mtu: 1492 }],
    });
    expect(await underlayMtu(ip, [])).toBe(1492);
  });

  it('assumes Ethernet while there is no way out, or only to itself', async () => {
    expect(await underlayMtu(ipSaying({}), [seed('192.0.2.9')])).toBe(1500);
    const loop = ipSaying({ 'route get 192.0.2.9': [{ dst: '192.0.2.9', dev: 'lo' }] });
    expect(await underlayMtu(loop, [seed('192.0.2.9')])).toBe(1500);
  });
});
