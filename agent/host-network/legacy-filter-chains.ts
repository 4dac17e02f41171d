/**
 * Reader of a built-in chain of legacy iptables (`iptables -S`), whose rules nft does not list. It is read only where the kernel
 * has its table already: asking would create it.
 */
import { ifItFails } from '../../common/host/command.js';
import type { CommandRunner } from '../../common/host/command.js';
import type { IpFamily } from '../../common/address/ip-address.js';
import type { FilterChain, FilterRule } from './filter-chain.js';

export interface LegacyFilterChain extends FilterChain {
  readonly family: IpFamily;
  readonly program: string;
  readonly targets: ReadonlyMap<string, readonly FilterRule[]>;
}

const TABLE_NAMES: Record<IpFamily, string> = { 4: '/proc/net/ip_tables_names', 6: '/proc/net/ip6_tables_names' };
/** With the name that says so, and with the common one where it stands for the legacy one. */
const PROGRAMS: Record<IpFamily, readonly string[]> = {
  4: ['iptables-legacy', 'iptables'],
  6: ['ip6tables-legacy', 'ip6tables'],
};
const VERDICTS: Readonly<Record<string, FilterRule['verdict']>> = {
  ACCEPT: 'accept',
  DROP: 'drop',
  REJECT: 'drop',
  RETURN: 'return',
};

/** Null where the kernel has no such table, or there is no program to read it. */
export async function readLegacyFilterChain(
  commands: CommandRunner,
  family: IpFamily,
  chain: 'FORWARD' | 'INPUT',
): Promise<LegacyFilterChain | null> {
  const tables = await ifItFails(commands.run('cat', [TABLE_NAMES[family]]), '');
  if (!tables.split('\n').includes('filter')) return null;
  for (const program of PROGRAMS[family]) {
    const version = await ifItFails(commands.run(program, ['--version']), null);
    if (version === null || version.includes('nf_tables')) continue;
    return readRules(family, program, chain, await commands.run(program, ['-w', '5', '-S']));
  }
  return null;
}

/** Lines as `-P FORWARD DROP`, `-N NAME`, `-A FORWARD -i eth0 -m comment --comment "a b" -j ACCEPT`. */
function readRules(family: IpFamily, program: string, base: string, listing: string): LegacyFilterChain {
  const chains = new Map<string, FilterRule[]>();
  let policy: FilterChain['policy'] = 'accept';
  for (const line of listing.split('\n')) {
    const [verb, chain = '', ...rest] = words(line);
    if (verb === '-P' && chain === base) policy = rest[0] === 'DROP' ? 'drop' : 'accept';
    if (verb === '-A') chains.set(chain, [...(chains.get(chain) ?? []), readRule(rest)]);
  }
  return { family, program, policy, rules: chains.get(base) ?? [], targets: chains };
}

function words(line: string): string[] {
  return [...line.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? '');
}

/** The handle is the rule itself, a word per line, as `iptables -D` wants it. */
function readRule(rule: readonly string[]): FilterRule {
  const after = (option: string) => rule.flatMap((word, i) => (word === option ? [rule[i + 1] ?? ''] : []));
  const jump = Math.max(rule.indexOf('-j'), rule.indexOf('-g'));
  const target = jump < 0 ? '' : (rule[jump + 1] ?? '');
  const conditions = rule.slice(0, jump < 0 ? rule.length : jump);
  return {
    handle: rule.join('\n'),
    comment: after('--comment')[0] ?? '',
    matchesAll: conditions.length === 0 || (conditions.length === 4 && after('-m').join() === 'comment'),
    verdict: target === '' ? 'none' : (VERDICTS[target] ?? 'jump'),
    target,
    inInterfaces: after('-i'),
  };
}
