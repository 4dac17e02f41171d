/**
 * Our one nft table: source NAT from the node's pods to the outside, and a forward chain that lets pod traffic pass this
 * table. An accept ends only the evaluation of its own chain: a host firewall that drops forwarding still does.
 * The table is written whole in one transaction and never edited; every rule carries a fingerprint of the whole, so a
 * look tells whether all of it, and nothing else, is in place. No other table is ever touched.
 */
import { createHash } from 'node:crypto';
import { cidrFamily } from '../../common/address/cidr.js';
import type { Cidr } from '../../common/address/cidr.js';
import { CommandError } from '../../common/errors.js';
import { outermost } from './host-plan.js';
import type { HostNetworkSpec, HostPart, HostView } from './host-plan.js';

export const NFT_TABLE = ['inet', 'heddle'] as const;
const TABLE = NFT_TABLE.join(' ');
const FINGERPRINT_DIGITS = 12;

export const natTablePart: HostPart = {
  name: 'nft table',
  async plan(spec, view) {
    const chains = wantedChains(spec);
    const fingerprint = fingerprintOf(chains);
    const present = await presentComments(view);
    if (sameList(present, wantedComments(chains, fingerprint))) return [];
    const what = present === null ? `nft table ${TABLE} was missing` : `nft table ${TABLE} had other rules`;
    return [{ what, program: 'nft', args: ['-f', '-'], input: tableText(chains, fingerprint) }];
  },
};

interface Chain {
  readonly name: string;
  readonly hook: string;
  readonly rules: readonly string[];
}

function wantedChains(spec: HostNetworkSpec): Chain[] {
  const { bridgeName, masquerade } = spec;
  const nat = masquerade ? ([4, 6] as const).flatMap((family) => masqueradeRules(spec, family)) : [];
  return [
    { name: 'postrouting', hook: 'type nat hook postrouting priority srcnat; policy accept;', rules: nat },
    {
      name: 'forward',
      hook: 'type filter hook forward priority filter; policy accept;',
      rules: [`iifname "${bridgeName}" accept`, `oifname "${bridgeName}" accept`],
    },
  ];
}

/** Pod to pod keeps its addresses, whichever way it leaves the node. Fully random ports: two pods may race for one. */
function masqueradeRules({ podCidrs, clusterCidrs, bridgeName }: HostNetworkSpec, family: 4 | 6): string[] {
  const pods = podCidrs.filter((cidr) => cidrFamily(cidr) === family);
  const cluster = outermost([...clusterCidrs, ...podCidrs]).filter((cidr) => cidrFamily(cidr) === family);
  const ip = family === 4 ? 'ip' : 'ip6';
  if (pods.length === 0) return [];
  const match = `${ip} saddr ${set(pods)} ${ip} daddr != ${set(cluster)} oifname != "${bridgeName}"`;
  return [`${match} masquerade random,fully-random`];
}

function set(cidrs: readonly Cidr[]): string {
  return `{ ${cidrs.join(', ')} }`;
}

function fingerprintOf(chains: readonly Chain[]): string {
  return createHash('sha256').update(JSON.stringify(chains)).digest('hex').slice(0, FINGERPRINT_DIGITS);
}

/** One comment per rule, in order over all chains. */
function wantedComments(chains: readonly Chain[], fingerprint: string): string[] {
  return chains.flatMap((chain) => chain.rules.map((_, i) => comment(chain.name, fingerprint, i)));
}

function comment(chain: string, fingerprint: string, position: number): string {
  return `heddle ${fingerprint} ${chain} ${position}`;
}

/** Adding before deleting makes the deletion succeed whether or not there was a table. */
function tableText(chains: readonly Chain[], fingerprint: string): string {
  const body = chains.map(({ name, hook, rules }) => {
    const lines = rules.map((rule, i) => `    ${rule} comment "${comment(name, fingerprint, i)}"`);
    return [`  chain ${name} {`, `    ${hook}`, ...lines, '  }'].join('\n');
  });
  return [`add table ${TABLE}`, `delete table ${TABLE}`, `table ${TABLE} {`, ...body, '}', ''].join('\n');
}

/** The comments of all rules in the table, null when there is no table. A rule of someone else shows as ''. */
async function presentComments(view: HostView): Promise<string[] | null> {
  try {
    const printed = await view.commands.run('nft', ['-j', 'list', 'table', ...NFT_TABLE]);
    const { nftables } = JSON.parse(printed) as { nftables?: { rule?: { comment?: string } }[] };
    return (nftables ?? []).flatMap((entry) => (entry.rule === undefined ? [] : [entry.rule.comment ?? '']));
  } catch (thrown) {
    if (thrown instanceof CommandError && thrown.exitCode !== null) return null;
    throw thrown;
  }
}

function sameList(present: readonly string[] | null, wanted: readonly string[]): boolean {
  return present !== null && present.length === wanted.length && wanted.every((entry, i) => entry === present[i]);
}
