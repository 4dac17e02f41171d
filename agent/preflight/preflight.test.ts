import { describe, expect, it } from '@jest/globals';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CommandError } from '../../common/errors.js';
import { loadConfig } from '../config/config-sources.js';
import { checkAddresses } from './address-checks.js';
import { checkForwarding, checkInput } from './firewall-checks.js';
import { preflight } from './index.js';
import { checkKernel } from './kernel-checks.js';
import { checkFolders, checkOtherNetworks } from './place-checks.js';
import { checkCapabilities, checkPrograms } from './privilege-checks.js';

const config = (...flags: string[]) => loadConfig(flags, {}, () => null);

/** Host on which these command lines print something; every other command fails. */
function host(answers: Readonly<Record<string, string>>) {
  const run = (program: string, args: readonly string[]): string => {
    const line = [program, ...args].join(' ');
    const answer = answers[line];
    if (answer === undefined) throw new CommandError(line, 1, 'Operation not supported');
    return answer;
  };
  return {
    run: (program: string, args: readonly string[]) => new Promise<string>((resolve) => resolve(run(program, args))),
  };
}

const verdicts = (findings: readonly { check: string; verdict: string }[]) =>
  findings.map(({ check, verdict }) => `${check} ${verdict}`);
const nft = (kind: string, ...entries: object[]) =>
  JSON.stringify({ nftables: entries.map((entry) => ({ [kind]: entry })) });
const chain = (hook: string, table = 'filter') => ({
  ...{ family: 'inet', table, name: hook, type: 'filter', hook, policy: 'drop' },
});

describe('the preflight', () => {
  it('names each capability that is missing with its purpose', async () => {
    const [finding] = await checkCapabilities(
      host({ 'cat /proc/self/status': 'Name:\tnode\nCapEff:\t0000000000000fff\n' }),
    );
    expect(finding!.message).toBe(
      'missing: CAP_NET_ADMIN (interfaces, routes, neighbours, nft, TAP); CAP_NET_RAW (iptables-legacy); CAP_SYS_ADMIN ' +
        '(network namespaces of pods; a container mounts /proc/sys read-write); CAP_SYS_CHROOT (an empty root for the router)',
    );
    expect(verdicts(await checkCapabilities(host({ 'cat /proc/self/status': 'CapEff:\t000001ffffffffff\n' })))).toEqual(
      ['capabilities ok'],
    );
  });

  it('gives the package of a missing program', async () => {
    const there = { 'ip -V': 'ip', 'bridge -V': 'bridge', 'nsenter --version': 'nsenter' };
    const findings = await checkPrograms(host(there));
    expect(findings.map(({ verdict, line }) => [verdict, line])).toEqual([['failed', 'apt-get install nftables']]);
  });

  it('tries each feature of the kernel in a namespace, and gives the module of one that is refused', async () => {
    const link = 'unshare --net ip link add name heddle-trial type';
    const findings = await checkKernel(
      host({
        'unshare --net true': '',
        [`${link} veth peer name heddle-peer`]: '',
        [`${link} bridge`]: '',
        'unshare --net nft -f -': '',
      }),
    );
    expect(verdicts(findings)).toEqual(['veth ok', 'bridge ok', 'tun failed', 'nft bridge ok', 'nft inet ok']);
    expect(findings[2]).toMatchObject({
      message: 'TAP interfaces with virtio-net headers cannot be made: Operation not supported',
      line: 'modprobe tun',
    });
  });

  it('finds addresses and routes of this host within the cluster CIDRs, and leaves out its own', async () => {
    const address = (ifname: string, local: string) => ({
      ...{ ifname, flags: ['UP'] },
      addr_info: [{ family: 'inet', local, prefixlen: 24, scope: 'global' }],
    });
    const interfaces = JSON.stringify([
      address('eth0', '192.0.2.7'),
      address('cni0', '10.1.4.1'),
      address('heddle0', '10.1.1.1'),
    ]);
    const routes = [
      { dst: 'default', dev: 'eth0' },
      { dst: '10.0.0.0/8', dev: 'vpn0', protocol: 'static' },
      { dst: '10.1.2.0/24', dev: 'heddle0', protocol: '104' },
    ];
    const findings = await checkAddresses(
      host({
        'ip -json address show up': interfaces,
        'ip -json -statistics address show up': interfaces,
        'ip -json address show': interfaces,
        'ip -json -4 route show': JSON.stringify(routes),
        'ip -json -6 route show': '[]',
      }),
      config('--cluster-cidrs', '10.1.0.0/16'),
    );
    expect(findings.map(({ message }) => message)).toEqual([
      'peers reach this node at 192.0.2.7',
      'address 10.1.4.1 of cni0 lies in the cluster CIDR 10.1.0.0/16; route 10.0.0.0/8 by vpn0 overlaps the cluster CIDR 10.1.0.0/16',
    ]);
  });

  it('says that the agent mends chains that drop forwarded packets, except those of firewalld', async () => {
    const findings = await checkForwarding(
      host({
        'nft -j list chains': nft('chain', chain('forward'), chain('forward', 'firewalld')),
        'nft -j list chain inet filter forward': nft('rule'),
        'nft -j list chain inet firewalld forward': nft('rule'),
      }),
      config(),
    );
    expect(findings.map(({ verdict, line }) => [verdict, line])).toEqual([
      ['ok', null],
      ['warning', 'firewall-cmd --permanent --zone=trusted --add-interface=heddle0 && firewall-cmd --reload'],
    ]);
  });

  it('warns of an input chain that drops and does not name the port of the peers', async () => {
    const chains = {
      'nft -j list chains': nft('chain', chain('input')),
      'nft -j list chain inet filter input': nft('rule'),
    };
    const withRule = (rule: string) => checkInput(host({ ...chains, 'nft list table inet filter': rule }), config());
    expect(await withRule('tcp dport 22 accept')).toMatchObject([
      { verdict: 'warning', line: 'nft insert rule inet filter input udp dport 6785 accept' },
    ]);
    expect(verdicts(await withRule('udp dport { 53, 6785 } accept'))).toEqual(['input ok']);
  });

  it('finds a network configuration that sorts before, and folders that cannot be made', () => {
    const folder = mkdtempSync(join(tmpdir(), 'heddle-preflight-'));
    try {
      mkdirSync(join(folder, 'conf'));
      writeFileSync(join(folder, 'conf', '05-cilium.conflist'), '');
      writeFileSync(join(folder, 'conf', '99-other.conf'), '');
      const here = config(
        '--cni-conf-dir',
        join(folder, 'conf'),
        '--state-dir',
        join(folder, 'conf/05-cilium.conflist/x'),
      );
      const conf = join(folder, 'conf', '05-cilium.conflist');
      expect(checkOtherNetworks(here).map(({ line }) => line)).toEqual([`mv ${conf} ${conf}.off`]);
      expect(checkFolders({ ...here, runDir: join(folder, 'new/run') }).map(({ message }) => message)).toEqual([
        `${join(conf, 'x')} cannot be written`,
      ]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('reports a check that cannot be made, and goes on', async () => {
    const findings = await preflight(
      host({ 'ip -json -statistics address show up': 'no JSON' }),
      config('--api-address', ''),
    );
    const address = findings.find(({ check }) => check === 'address');
    expect(address!.message).toContain(
      'could not be checked: output of "ip -json -statistics address show up" is not JSON',
    );
    expect(findings.at(-1)!.check).toBe('secret');
  });
});
