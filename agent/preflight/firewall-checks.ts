/** Checks of the host's firewall and kernel settings: forwarded packets of pods, datagrams of peers, files in `/proc/sys`. */
import { parseCidr } from '../../common/address/cidr.js';
import { IP_FAMILIES } from '../../common/address/ip-address.js';
import type { Config } from '../../common/config.js';
import { ifItFails } from '../../common/host/command.js';
import type { CommandRunner } from '../../common/host/command.js';
import { listInterfaces } from '../../common/host/ip-output.js';
import { systemDisk } from '../../common/storage/disk.js';
import { dropPosition } from '../host-network/filter-chain.js';
import { forwardAcceptPart } from '../host-network/forward-accept.js';
import { HostView } from '../host-network/host-plan.js';
import { nearlyFullTables } from '../host-network/kernel-tables.js';
import { readLegacyFilterChain } from '../host-network/legacy-filter-chains.js';
import { listNftFilterChains } from '../host-network/nft-filter-chains.js';
import { strictFilterAdvice } from '../host-network/reverse-path.js';
import { SettingsRecord } from '../host-network/settings-record.js';
import { failed, met, warned } from './finding.js';
import type { Finding } from './finding.js';

/** Where pod CIDRs are not known yet: both families are looked at. */
const ANY_CIDRS = [parseCidr('192.0.2.0/24'), parseCidr('2001:db8::/64')];
/** Its table may be changed by itself only. */
const FIREWALLD = 'chain inet firewalld ';

/** The agent itself puts accept rules into chains that drop, except into those of firewalld. */
export async function checkForwarding(commands: CommandRunner, config: Config): Promise<Finding[]> {
  const { bridgeName, tapName, stateDir, masquerade, listenPort } = config;
  const given = [...config.clusterCidrs, ...config.podCidrs].map(parseCidr);
  const cidrs = given.length > 0 ? given : ANY_CIDRS;
  const spec = {
    ...{ bridgeName, tapName, stateDir, masquerade, listenPort, podCidrs: cidrs, clusterCidrs: cidrs },
    ...{ podMtuBytes: 0, narrowCidrs: [], router: null, pods: [] },
  };
  const view = new HostView(commands, new SettingsRecord(systemDisk, stateDir));
  const repairs = await ifItFails(forwardAcceptPart.plan(spec, view), []);
  const advice = new Map(repairs.map(({ what, advice: line }) => [what, line ?? null]));
  if (advice.size === 0) return [met('forward', 'no chain at the forward hook drops packets of pods')];
  return [...advice].map(([what, line]) =>
    what.startsWith(FIREWALLD)
      ? warned('forward', what, line)
      : met('forward', `${what}; the agent puts accept rules in front`),
  );
}

/** Whether a rule lets the peers' datagrams in is told by the port in it; who may send is not compared. */
export async function checkInput(commands: CommandRunner, { listenPort }: Config): Promise<Finding[]> {
  const nft = await ifItFails(listNftFilterChains(commands, 'input'), []);
  const findings: Finding[] = [];
  for (const { family, table, name } of nft.filter((one) => dropPosition(one, one.targets) !== null)) {
    const rules = await ifItFails(commands.run('nft', ['list', 'table', family, table]), '');
    const line =
      table === 'firewalld'
        ? `firewall-cmd --permanent --add-port=${listenPort}/udp && firewall-cmd --reload`
        : `nft insert rule ${family} ${table} ${name} udp dport ${listenPort} accept`;
    if (!namesPort(rules, listenPort)) findings.push(droppedBy(`chain ${family} ${table} ${name}`, listenPort, line));
  }
  for (const family of IP_FAMILIES) {
    const chain = await readLegacyFilterChain(commands, family, 'INPUT');
    if (chain === null || dropPosition(chain, chain.targets) === null) continue;
    const rules = [chain.rules, ...chain.targets.values()].flat().map(({ handle }) => handle);
    if (namesPort(rules.join('\n'), listenPort)) continue;
    const line = `${chain.program} -I INPUT -p udp --dport ${listenPort} -j ACCEPT`;
    findings.push(droppedBy(`${chain.program} INPUT`, listenPort, line));
  }
  return findings.length > 0 ? findings : [met('input', `no chain drops UDP port ${listenPort} without naming it`)];
}

function namesPort(rules: string, port: number): boolean {
  return new RegExp(`(?<![\\d.])${port}(?![\\d.])`).test(rules);
}

function droppedBy(chain: string, port: number, line: string): Finding {
  return warned('input', `${chain} drops what no rule accepts, and no rule names UDP port ${port} of the peers`, line);
}

/** Two underlay interfaces make strict reverse path filtering drop datagrams; with one it drops none of ours. */
export async function checkSettings(commands: CommandRunner, config: Config): Promise<Finding[]> {
  const writable = await ifItFails(commands.run('sh', ['-c', 'test -w /proc/sys/net/ipv4/ip_forward']), null);
  const findings: Finding[] = [
    writable === null
      ? failed('sysctls', '/proc/sys is read-only', 'mount -o remount,bind,rw /proc/sys')
      : met('sysctls', '/proc/sys can be written'),
  ];
  const withIpv6 = [...config.podCidrs, ...config.clusterCidrs].some((cidr) => cidr.includes(':'));
  if (withIpv6 && (await ifItFails(commands.run('ls', ['/proc/sys/net/ipv6']), null)) === null)
    findings.push(
      failed('ipv6', 'pod CIDRs of IPv6 are set, and the kernel has no IPv6', 'boot without ipv6.disable=1'),
    );
  const underlay = (await listInterfaces(commands, ['address', 'show', 'up'])).filter(
    ({ name, addresses }) => name !== config.bridgeName && addresses.some(({ scope }) => scope === 'global'),
  );
  const strict = underlay.length > 1 ? await strictFilterAdvice(commands) : '';
  const [sentence = '', line = null] = strict.split(': ');
  if (strict !== '') findings.push(warned('reverse-path', sentence, line));
  for (const full of await nearlyFullTables(commands)) {
    const at = full.lastIndexOf(': ');
    findings.push(warned('kernel-tables', full.slice(0, at), full.slice(at + 2)));
  }
  return findings;
}
