/** Reader of nft's filter chains at a hook, those of `iptables-nft` included, with the chains that they jump to. */
import { isRecord } from '../../common/codec/message-shape.js';
import { runJson } from '../../common/host/command.js';
import type { CommandRunner } from '../../common/host/command.js';
import { unconditionalTargets } from './filter-chain.js';
import type { FilterChain, FilterRule } from './filter-chain.js';

export type NftFamily = 'ip' | 'ip6' | 'inet';

export interface NftFilterChain extends FilterChain {
  readonly family: NftFamily;
  readonly table: string;
  readonly name: string;
  readonly targets: ReadonlyMap<string, readonly FilterRule[]>;
}

const FAMILIES: readonly string[] = ['ip', 'ip6', 'inet'];
/** Chains that are read for one base chain. */
const MAX_TARGETS = 64;
/** Statements that are no condition. */
const WITHOUT_CONDITION = ['counter', 'log', 'accept', 'drop', 'reject', 'return', 'jump', 'goto', 'queue'];

/** Throws CommandError without nft. */
export async function listNftFilterChains(commands: CommandRunner, at: 'forward' | 'input'): Promise<NftFilterChain[]> {
  const entries = await listEntries(commands, ['list', 'chains'], 'chain');
  const bases = entries.filter(
    ({ family, hook, type }) => hook === at && type === 'filter' && FAMILIES.includes(String(family)),
  );
  return Promise.all(bases.map((base) => readBaseChain(commands, base)));
}

async function readBaseChain(commands: CommandRunner, base: Fields): Promise<NftFilterChain> {
  const [family, table, name] = [base['family'], base['table'], base['name']].map(String) as [
    NftFamily,
    string,
    string,
  ];
  const rulesOf = async (chain: string) =>
    (await listEntries(commands, ['list', 'chain', family, table, chain], 'rule')).map(readRule);
  const rules = await rulesOf(name);
  const targets = new Map<string, readonly FilterRule[]>();
  const waiting = unconditionalTargets(rules);
  for (let next = waiting.shift(); next !== undefined && targets.size < MAX_TARGETS; next = waiting.shift()) {
    if (targets.has(next)) continue;
    const inner = await rulesOf(next);
    targets.set(next, inner);
    waiting.push(...unconditionalTargets(inner));
  }
  return { family, table, name, policy: base['policy'] === 'drop' ? 'drop' : 'accept', rules, targets };
}

type Fields = Readonly<Record<string, unknown>>;

async function listEntries(commands: CommandRunner, args: readonly string[], kind: string): Promise<Fields[]> {
  const listing = await runJson(commands, 'nft', ['-j', ...args]);
  const entries: unknown = isRecord(listing) ? listing['nftables'] : [];
  return (Array.isArray(entries) ? entries : []).flatMap((entry: unknown) => {
    const fields = isRecord(entry) ? entry[kind] : null;
    return isRecord(fields) ? [fields] : [];
  });
}

function readRule(rule: Fields): FilterRule {
  const statements = (Array.isArray(rule['expr']) ? rule['expr'] : []).filter(isRecord);
  const of = (name: string) => statements.map((statement) => statement[name]).filter(isRecord);
  const target = [...of('jump'), ...of('goto')][0]?.['target'];
  return {
    handle: String(rule['handle']),
    comment: typeof rule['comment'] === 'string' ? rule['comment'] : '',
    matchesAll: statements.every((statement) => isTarget(statement) || isUnconditional(statement)),
    verdict: verdictOf(statements),
    target: typeof target === 'string' ? target : '',
    inInterfaces: of('match').flatMap(inInterface),
  };
}

function verdictOf(statements: readonly Fields[]): FilterRule['verdict'] {
  const has = (...names: string[]) => statements.some((statement) => names.some((name) => name in statement));
  const extension = statements.find(isTarget)?.['xt'] as Fields | undefined;
  if (has('accept')) return 'accept';
  if (has('drop', 'reject') || ['DROP', 'REJECT'].includes(String(extension?.['name']))) return 'drop';
  if (has('jump', 'goto')) return 'jump';
  return has('return') ? 'return' : 'none';
}

function isUnconditional(statement: Fields): boolean {
  return Object.keys(statement).every((name) => WITHOUT_CONDITION.includes(name));
}

/** A target of `iptables` that nft has no word for. */
function isTarget({ xt }: Fields): boolean {
  return isRecord(xt) && xt['type'] === 'target';
}

function inInterface({ left, right }: Fields): string[] {
  const key = isRecord(left) && isRecord(left['meta']) ? left['meta']['key'] : null;
  return key === 'iifname' && typeof right === 'string' ? [right] : [];
}
