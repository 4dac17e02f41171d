/**
 * Accept rules for the pod network in chains of others at the forward hook that drop what nobody accepts, as those of Docker, ufw
 * and firewalld do: an accept in a table of our own does not overrule them. The rules stand at the end, before the drop, so that
 * rules of others about pods come first. They are told by their comment; other rules are never changed.
 *
 * `iptables-nft` must be able to list its chains, so a rule there uses only what iptables has: one address, no set.
 */
import { cidrFamily } from '../../common/address/cidr.js';
import type { IpFamily } from '../../common/address/ip-address.js';
import { ifItFails } from '../../common/host/command.js';
import type { CommandRunner } from '../../common/host/command.js';
import { dropPosition } from './filter-chain.js';
import type { FilterChain, FilterRule, JumpTargets } from './filter-chain.js';
import { familiesOf, outermost } from './host-plan.js';
import type { HostNetworkSpec, HostPart, Repair } from './host-plan.js';
import { readLegacyFilterChain } from './legacy-filter-chains.js';
import type { LegacyFilterChain } from './legacy-filter-chains.js';
import { listNftFilterChains } from './nft-filter-chains.js';
import type { NftFilterChain } from './nft-filter-chains.js';

/** Beginning of the comments of our rules. */
export const ACCEPT_MARK = 'heddle: ';
const FAMILIES: Readonly<Record<NftFilterChain['family'], readonly IpFamily[]>> = {
  ip: [4],
  ip6: [6],
  inet: [4, 6],
};

export const forwardAcceptPart: HostPart = {
  name: 'forward chains',
  async plan(spec, view) {
    const wanted = acceptRules(spec);
    const nft = await listNftFilterChains(view.commands, 'forward');
    const legacy = await listLegacy(view.commands, familiesOf(spec));
    return [
      ...nft.flatMap((chain) => nftRepairs(chain, wanted, spec)),
      ...legacy.flatMap((chain) => legacyRepairs(chain, wanted)),
    ];
  },
};

interface AcceptRule {
  /** Null for both. */
  readonly family: IpFamily | null;
  readonly comment: string;
  readonly nft: string;
  readonly iptables: readonly string[];
}

/** Whatever comes up from the bridge: frames of pods, and of the mesh for pods. And whatever is routed to pods of the cluster. */
function acceptRules({ bridgeName, podCidrs, clusterCidrs }: HostNetworkSpec): AcceptRule[] {
  const from: AcceptRule = {
    family: null,
    comment: `${ACCEPT_MARK}from ${bridgeName}`,
    nft: `iifname "${bridgeName}"`,
    iptables: ['-i', bridgeName],
  };
  const to = outermost([...clusterCidrs, ...podCidrs]).map((cidr): AcceptRule => {
    const family = cidrFamily(cidr);
    return {
      family,
      comment: `${ACCEPT_MARK}to ${cidr}`,
      nft: `${family === 4 ? 'ip' : 'ip6'} daddr ${cidr}`,
      iptables: ['-d', cidr],
    };
  });
  return [from, ...to];
}

interface ChainPlan {
  readonly left: readonly FilterRule[];
  readonly missing: readonly AcceptRule[];
  /** Position among the rules of others, or their number. */
  readonly position: number;
  readonly others: readonly FilterRule[];
}

/** Null when the chain is in order. */
function planChain(chain: FilterChain, targets: JumpTargets, wanted: readonly AcceptRule[]): ChainPlan | null {
  const others = chain.rules.filter((rule) => !isOurs(rule));
  const position = dropPosition({ ...chain, rules: others }, targets);
  const left = chain.rules.filter(isOurs);
  if (position === null) return left.length === 0 ? null : { left, missing: [], position: 0, others };
  const blocker = others[position];
  const before = blocker === undefined ? chain.rules : chain.rules.slice(0, chain.rules.indexOf(blocker));
  const present = before.filter(isOurs).map(({ comment }) => comment);
  const isRight = left.length === wanted.length && wanted.every(({ comment }, i) => present[i] === comment);
  return isRight ? null : { left, missing: wanted, position, others };
}

function isOurs({ comment }: FilterRule): boolean {
  return comment.startsWith(ACCEPT_MARK);
}

/** All of a chain in one transaction. */
function nftRepairs(chain: NftFilterChain, wanted: readonly AcceptRule[], spec: HostNetworkSpec): Repair[] {
  const rules = wanted.filter(({ family }) => family === null || FAMILIES[chain.family].includes(family));
  const plan = planChain(chain, chain.targets, rules);
  if (plan === null) return [];
  const name = `${chain.family} ${chain.table} ${chain.name}`;
  const blocker = plan.others[plan.position];
  const verb = blocker === undefined ? `add rule ${name}` : `insert rule ${name} handle ${blocker.handle}`;
  const lines = [
    ...plan.left.map(({ handle }) => `delete rule ${name} handle ${handle}`),
    ...plan.missing.map(({ nft, comment }) => `${verb} ${nft} counter accept comment "${comment}"`),
  ];
  const what = plan.missing.length > 0 ? `chain ${name} would drop packets of pods` : `chain ${name} no longer drops`;
  const repair: Repair = { what, program: 'nft', args: ['-f', '-'], input: `${lines.join('\n')}\n` };
  return [{ ...repair, advice: adviceFor(chain, spec), optional: othersAccept(chain, spec) }];
}

/** A table may belong to another program, as that of firewalld does: then nft refuses, and its administrator must see to it. */
function adviceFor({ family, table, name }: NftFilterChain, { bridgeName }: HostNetworkSpec): string {
  return table === 'firewalld'
    ? `firewall-cmd --permanent --zone=trusted --add-interface=${bridgeName} && firewall-cmd --reload`
    : `nft insert rule ${family} ${table} ${name} iifname ${bridgeName} accept`;
}

function othersAccept({ rules, targets }: NftFilterChain, { bridgeName }: HostNetworkSpec): boolean {
  return [rules, ...targets.values()]
    .flat()
    .some(({ inInterfaces, verdict }) => inInterfaces.includes(bridgeName) && ['accept', 'jump'].includes(verdict));
}

function legacyRepairs(chain: LegacyFilterChain, wanted: readonly AcceptRule[]): Repair[] {
  const { family, program } = chain;
  const rules = wanted.filter((rule) => rule.family === null || rule.family === family);
  const plan = planChain(chain, chain.targets, rules);
  if (plan === null) return [];
  const what = `${program} FORWARD ${plan.missing.length > 0 ? 'would drop packets of pods' : 'no longer drops'}`;
  const run = (...args: string[]): Repair => ({ what, program, args: ['-w', '5', ...args] });
  const comment = (text: string) => ['-m', 'comment', '--comment', text, '-j', 'ACCEPT'];
  return [
    ...plan.left.map(({ handle }) => run('-D', 'FORWARD', ...handle.split('\n'))),
    ...plan.missing.map((rule, i) =>
      run('-I', 'FORWARD', String(plan.position + 1 + i), ...rule.iptables, ...comment(rule.comment)),
    ),
  ];
}

async function listLegacy(commands: CommandRunner, families: readonly IpFamily[]): Promise<LegacyFilterChain[]> {
  const chains = await Promise.all(families.map((family) => readLegacyFilterChain(commands, family, 'FORWARD')));
  return chains.filter((chain) => chain !== null);
}

/** Removals of all rules of ours, whatever the chains do now. */
export async function acceptRuleRemovals(commands: CommandRunner): Promise<{ label: string; removal: Repair }[]> {
  // A host without nft has no such chain.
  const nft = await ifItFails(listNftFilterChains(commands, 'forward'), []);
  const legacy = await listLegacy(commands, [4, 6]);
  return [
    ...nft.flatMap(({ family, table, name, rules }) =>
      rules.filter(isOurs).map(({ handle, comment }) => {
        const chain = [family, table, name];
        const removal = { what: comment, program: 'nft', args: ['delete', 'rule', ...chain, 'handle', handle] };
        return { label: `rule "${comment}" of ${chain.join(' ')}`, removal };
      }),
    ),
    ...legacy.flatMap(({ program, rules }) =>
      rules.filter(isOurs).map(({ handle, comment }) => {
        const removal = { what: comment, program, args: ['-w', '5', '-D', 'FORWARD', ...handle.split('\n')] };
        return { label: `rule "${comment}" of ${program} FORWARD`, removal };
      }),
    ),
  ];
}
