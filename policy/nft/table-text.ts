/** Objects of the policies' nft table as `nft -j` takes and gives them (libnftables-json(5)): rules, sets and elements. */
import type { IpFamily } from '../../common/address/ip-address.js';
import { IP_FAMILIES, ipFromBigInt } from '../../common/address/ip-address.js';
import { cidrFamily } from '../../common/address/cidr.js';
import { rangesOf, readBlockCidr } from '../objects/ip-block.js';
import { SELF_SETS, VERDICT_MAPS } from '../table/table-model.js';
import type { PolicyTable, TableChain, TableRule, TableSet, VerdictMap } from '../table/table-model.js';

export type Json = null | string | number | readonly Json[] | { readonly [key: string]: Json };
type Statements = readonly Json[];

/** Family and name. */
export const POLICY_TABLE = ['inet', 'heddle-policy'] as const;
const [family, table] = POLICY_TABLE;
export const TABLE_OBJECT: Json = { table: { family, name: table } };
const IN_TABLE = { family, table };

/** Before the chains of others at `filter`: what is dropped here need not be looked at by them. */
const PRIORITY = -1;
const IP = { 4: 'ip', 6: 'ip6' } as const;

/**
 * Verdicts are about the first packet of a connection, in its direction, whatever packet of it is looked at: both addresses and the
 * port are those of the connection after DNAT. A connection that is no longer allowed is so cut by the change of the table.
 */
const source = (family: IpFamily): Json => ({ ct: { key: `${IP[family]} saddr`, dir: 'original' } });
const destination = (family: IpFamily): Json => ({ ct: { key: `${IP[family]} saddr`, dir: 'reply' } });
const DESTINATION_PORT: Json = { ct: { key: 'proto-src', dir: 'reply' } };
const RETURN: Json = { return: null };
const L4_PROTOCOL: Json = { meta: { key: 'l4proto' } };
const CONNECTION_PROTOCOL: Json = { ct: { key: 'protocol', dir: 'original' } };
const ICMP = ['icmp', 'ipv6-icmp'];

const WITHOUT_CONNECTION: Json = {
  match: { op: 'in', left: { ct: { key: 'state' } }, right: ['invalid', 'untracked'] },
};

/** Where the kernel sends dropped packets (nflog): a number that no other program is known to use. */
export const DROP_LOG_GROUP = 6785;
/** Enough of a packet for its addresses and ports, behind some extension headers of IPv6. */
const LOGGED_BYTES = 160;
/** Of each chain, so that one pod's drops leave room for those of pods with other policies. */
const LOGGED_PER_CHAIN: Json = { rate: 2, per: 'second', burst: 5 };
/** Of the table: what the agent has to read at most. */
const LOGGED_PER_NODE = { rate: 50, per: 'second', burst: 100 } as const;
const LOG_LIMIT = 'logged-drops';
export const LOG_LIMIT_OBJECT: Json = { limit: { ...IN_TABLE, name: LOG_LIMIT, ...LOGGED_PER_NODE } };

/** Chains that every table has, by name. */
export const FIXED_CHAINS: Readonly<Record<string, readonly Statements[]>> = {
  forward: [
    [
      {
        vmap: {
          key: { ct: { key: 'state' } },
          data: {
            set: [
              ['invalid', jump('no-connection')],
              ['untracked', jump('no-connection')],
              ['related', jump('related')],
            ],
          },
        },
      },
    ],
    ...VERDICT_MAPS.map((map): Statements => {
      const family = familyOf(map);
      return [lookUp(map, map.startsWith('egress') ? source(family) : destination(family))];
    }),
  ],
  // ICMP errors have the verdict of the connection that they quote. An isolated pod sends them about its own connections only.
  related: [
    [{ match: { op: '!=', left: L4_PROTOCOL, right: { set: ICMP } } }, RETURN],
    ...IP_FAMILIES.flatMap((family): Statements[] => {
      const sender: Json = { payload: { protocol: IP[family], field: 'saddr' } };
      const isIsolated = (end: Json): Json => match({ concat: [sender, end] }, `@${SELF_SETS[family]}`);
      return [
        ...[source(family), destination(family)].map((end) => [isIsolated(end), RETURN]),
        [isIsolated(sender), { drop: null }],
      ];
    }),
  ],
  // Nothing is known of its direction: an isolated pod takes it as the first packet of something.
  'no-connection': VERDICT_MAPS.map((map): Statements => {
    const field = map.startsWith('egress') ? 'saddr' : 'daddr';
    return [lookUp(map, { payload: { protocol: IP[familyOf(map)], field } })];
  }),
};

export const FORWARD_HOOK = { type: 'filter', hook: 'forward', prio: PRIORITY, policy: 'accept' } as const;

export function familyOf(map: VerdictMap): IpFamily {
  return map.endsWith('4') ? 4 : 6;
}

/** Statements of a chain's rules in order, and of what is left at the end. Before a rule that drops, a pod reaches itself. */
export function chainStatements(chain: TableChain, { logsDrops }: Pick<PolicyTable, 'logsDrops'>): Statements[] {
  const { family, counter, next } = chain;
  const toItself = [match({ concat: [source(family), destination(family)] }, `@${SELF_SETS[family]}`), RETURN];
  const rules = chain.rules.flatMap((rule) => ruleStatements(rule, chain, logsDrops));
  if (counter !== null) return [...rules, toItself, ...dropStatements([], counter, logsDrops)];
  const invalid = chain.invalid === null ? [] : [[WITHOUT_CONNECTION, { counter: chain.invalid }, { drop: null }]];
  return [toItself, ...invalid, ...rules, ...(next === null ? [] : [[goTo(next)]])];
}

function dropStatements(matches: Statements, counter: string, logsDrops: boolean): Statements[] {
  const drop = [...matches, { counter }, { drop: null }];
  return logsDrops ? [[...matches, ...logStatements(counter)], drop] : [drop];
}

/** Only packets in the direction of their connection: answers, and packets without a connection, say nothing of who wanted what. */
export function logStatements(prefix: string): Statements {
  return [
    match({ ct: { key: 'direction' } }, 'original'),
    { limit: LOGGED_PER_CHAIN },
    { limit: LOG_LIMIT },
    { log: { prefix, group: DROP_LOG_GROUP, snaplen: LOGGED_BYTES } },
  ];
}

export function inTable(name: string): { readonly [key: string]: Json } {
  return { ...IN_TABLE, name };
}

/** The comment tells that the rule is as it was written, and which one of its chain it is. */
export function ruleObject(chain: string, position: number, expr: Statements): Json {
  return { rule: { ...IN_TABLE, chain, comment: ruleComment(chain, position), expr } };
}

export function ruleComment(chain: string, position: number): string {
  return `heddle ${chain} ${position}`;
}

export function setObject(name: string, { type, isInterval }: TableSet): Json {
  const flags = isInterval ? { flags: ['interval'] } : {};
  return { set: { ...inTable(name), type: type.length === 1 ? type[0]! : type, ...flags } };
}

export function elementJson(element: string): Json {
  if (element.includes(' . ')) return { concat: element.split(' . ').map(valueJson) };
  if (element.includes('-')) return { range: element.split('-').map(valueJson) };
  return valueJson(element);
}

/** An element as the model writes it; null for one of another form. */
export function elementText(element: unknown): string | null {
  if (typeof element === 'string' || typeof element === 'number') return String(element);
  const { concat, range, prefix } = (element ?? {}) as Record<string, unknown>;
  if (Array.isArray(concat)) return concat.join(' . ');
  if (Array.isArray(range)) return range.join('-');
  const { addr, len } = (prefix ?? {}) as Record<string, unknown>;
  return typeof addr === 'string' && typeof len === 'number' ? prefixText(addr, len) : null;
}

export function jump(target: string): Json {
  return { jump: { target } };
}

function prefixText(address: string, length: number): string | null {
  const cidr = readBlockCidr(`${address}/${length}`);
  const family = cidrFamily(cidr);
  const [range] = rangesOf([{ cidr, except: [] }], family);
  if (range === undefined) return null;
  const [first, last] = [range.first, range.last].map((value) => ipFromBigInt(value, family));
  return first === last ? first! : `${first}-${last}`;
}

function ruleStatements({ verdict, counter, ...rule }: TableRule, chain: TableChain, logsDrops: boolean): Statements[] {
  const matches = matchStatements(rule, chain);
  if (counter !== null) return dropStatements(matches, counter, logsDrops);
  return [[...matches, verdict === 'Pass' && chain.next !== null ? goTo(chain.next) : RETURN]];
}

function matchStatements(
  { peers, ports }: Pick<TableRule, 'peers' | 'ports'>,
  { direction, family }: TableChain,
): Statements {
  const peer = direction === 'ingress' ? source(family) : destination(family);
  const statements: Json[] = peers === null ? [] : [match(peer, `@${peers}`)];
  if (ports !== null) {
    const protocol = ports.protocol.toLowerCase();
    // The connection's, also for an ICMP error about it. Without the first match nft does not know the type of its ports.
    statements.push(match(L4_PROTOCOL, { set: [protocol, ...ICMP] }), match(CONNECTION_PROTOCOL, protocol));
    const port = ports.isNamed ? { concat: [destination(family), DESTINATION_PORT] } : DESTINATION_PORT;
    if (ports.set !== null) statements.push(match(port, `@${ports.set}`));
  }
  return statements;
}

function goTo(target: string): Json {
  return { goto: { target } };
}

function match(left: Json, right: Json): Json {
  return { match: { op: '==', left, right } };
}

function lookUp(map: VerdictMap, key: Json): Json {
  return { vmap: { key, data: `@${map}` } };
}

function valueJson(text: string): Json {
  return /^\d+$/.test(text) ? Number(text) : text;
}
