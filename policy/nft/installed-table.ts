/** The policies' table as it is in the kernel, read from the listing of `nft -j list table`. */
import { parseIpAddress } from '../../common/address/ip-address.js';
import type { IpAddress } from '../../common/address/ip-address.js';
import { chainStatements, elementText, FIXED_CHAINS, POLICY_TABLE, ruleComment } from './table-text.js';
import { VERDICT_MAPS } from '../table/table-model.js';
import type { PolicyTable, VerdictMap } from '../table/table-model.js';

export interface InstalledTable {
  /** Elements by set. */
  readonly sets: ReadonlyMap<string, ReadonlySet<string>>;
  /** Chains of pods. */
  readonly chains: ReadonlySet<string>;
  readonly verdicts: Readonly<Record<VerdictMap, ReadonlyMap<IpAddress, string>>>;
  readonly counters: ReadonlySet<string>;
}

export interface FoundTable extends InstalledTable {
  /** Whether each chain has the rules that its name stands for, and all that every table has is there. */
  readonly isWhole: boolean;
  /** Packets by counter. */
  readonly packets: ReadonlyMap<string, number>;
}

interface Entry {
  readonly table?: { readonly family: string; readonly name: string; readonly flags?: unknown };
  readonly set?: { readonly name: string; readonly elem?: readonly unknown[] };
  readonly map?: { readonly name: string; readonly elem?: readonly unknown[] };
  readonly chain?: { readonly name: string; readonly hook?: string; readonly prio?: number };
  readonly rule?: { readonly chain: string; readonly comment?: string };
  readonly counter?: { readonly name: string; readonly packets: number };
}

/** What a table in the kernel is once `table` was written. */
export function asInstalled(table: PolicyTable): InstalledTable {
  return {
    sets: new Map([...table.sets].map(([name, { elements }]) => [name, elements])),
    chains: new Set(table.chains.keys()),
    verdicts: table.verdicts,
    counters: new Set(table.counters.keys()),
  };
}

/**
 * @param listing of `nft -j list table`. Anything of an unknown form makes the table one that is not whole
 * @param wanted whose chains must have their rules if they are there
 */
export function readInstalled(listing: unknown, wanted: PolicyTable): FoundTable {
  const entries = entriesOf(listing);
  const comments = readComments(entries);
  const packets = readCounters(listing);
  const sets = new Map(
    entries.flatMap(({ set }) => (set === undefined ? [] : [[set.name, (set.elem ?? []).map(elementText)]])),
  );
  const maps = new Map(
    entries.flatMap(({ map }) => (map === undefined ? [] : [[map.name, readVerdicts(map.elem ?? [])]])),
  );
  const elements = [...sets.values()];
  const isWhole =
    // With the flag "dormant" no hook is in force. Version 1.0.6 of nft lists flags with a wrong name.
    entries.every(({ table }) => table?.flags === undefined) &&
    entries.some(({ chain }) => chain?.name === 'forward' && chain.hook === 'forward') &&
    Object.keys(FIXED_CHAINS).every((name) => comments.has(name)) &&
    [...comments].every(([name, found]) => isChainWhole(name, found, wanted)) &&
    elements.every((all) => !all.includes(null)) &&
    VERDICT_MAPS.every((map) => (maps.get(map) ?? null) !== null);
  const verdictsOf = (map: VerdictMap) => maps.get(map) ?? new Map<IpAddress, string>();
  return {
    sets: new Map([...sets].map(([name, all]) => [name, new Set(all.filter((element) => element !== null))])),
    chains: new Set([...comments.keys()].filter((name) => !(name in FIXED_CHAINS))),
    verdicts: {
      egress4: verdictsOf('egress4'),
      egress6: verdictsOf('egress6'),
      ingress4: verdictsOf('ingress4'),
      ingress6: verdictsOf('ingress6'),
    },
    counters: new Set(packets.keys()),
    isWhole,
    packets,
  };
}

/** @param listing of `nft -j list tables` */
export function hasPolicyTable(listing: unknown): boolean {
  const [family, name] = POLICY_TABLE;
  return entriesOf(listing).some(({ table }) => table?.family === family && table.name === name);
}

/** Packets by counter. */
export function readCounters(listing: unknown): ReadonlyMap<string, number> {
  const counted = entriesOf(listing).flatMap(({ counter }) => (counter === undefined ? [] : [counter]));
  return new Map(counted.map(({ name, packets }) => [name, packets]));
}

function entriesOf(listing: unknown): readonly Entry[] {
  return (listing as { readonly nftables?: readonly Entry[] }).nftables ?? [];
}

/** Comments of the rules by chain, in order. */
function readComments(entries: readonly Entry[]): ReadonlyMap<string, readonly string[]> {
  const comments = new Map<string, string[]>();
  for (const { chain } of entries) if (chain !== undefined) comments.set(chain.name, []);
  for (const { rule } of entries) if (rule !== undefined) comments.get(rule.chain)?.push(rule.comment ?? '');
  return comments;
}

/** A chain that is not wanted any more is removed, whatever is in it. */
function isChainWhole(name: string, found: readonly string[], table: PolicyTable): boolean {
  const chain = table.chains.get(name);
  const length =
    FIXED_CHAINS[name]?.length ?? (chain === undefined ? found.length : chainStatements(chain, table).length);
  return found.length === length && found.every((comment, i) => comment === ruleComment(name, i));
}

/** Chain by address; null when an element has another form. */
function readVerdicts(elements: readonly unknown[]): ReadonlyMap<IpAddress, string> | null {
  const verdicts = new Map<IpAddress, string>();
  for (const element of elements) {
    const [key, verdict] = Array.isArray(element) ? (element as unknown[]) : [];
    const target = (verdict as { jump?: { target?: unknown } } | undefined)?.jump?.target;
    if (typeof key !== 'string' || typeof target !== 'string') return null;
    verdicts.set(parseIpAddress(key), target);
  }
  return verdicts;
}
