/**
 * Commands of one `nft -j` transaction that make the table in the kernel the wanted one: the whole of it, or the difference. New
 * things come before what refers to them, and what is no longer used goes last.
 */
import type { IpAddress } from '../../common/address/ip-address.js';
import { BEFORE, VERDICT_MAPS } from '../table/table-model.js';
import type { PolicyTable, TableSet } from '../table/table-model.js';
import { ADDRESS_TYPE } from '../table/table-model.js';
import type { InstalledTable } from './installed-table.js';
import {
  chainStatements,
  elementJson,
  familyOf,
  FIXED_CHAINS,
  FORWARD_HOOK,
  inTable,
  jump,
  LOG_LIMIT_OBJECT,
  logStatements,
  ruleObject,
  setObject,
  TABLE_OBJECT,
} from './table-text.js';
import type { Json } from './table-text.js';

const NOTHING: InstalledTable = {
  sets: new Map(),
  chains: new Set(),
  verdicts: { egress4: new Map(), egress6: new Map(), ingress4: new Map(), ingress6: new Map() },
  counters: new Set(),
};

/** How to write the table: from nothing when it is missing or damaged. */
export interface TableChange {
  readonly wanted: PolicyTable;
  /** What is in the kernel: a table, none, or one that is to be written anew. */
  readonly installed: InstalledTable | 'absent' | 'damaged';
  /** What is there stays, besides what is replaced: not everything is known yet. */
  readonly onlyAdd: boolean;
}

/** Null when there is nothing to do. Without isolated pods there is no table at all. */
export function tableCommands({ wanted, installed, onlyAdd }: TableChange): string | null {
  if (wanted.chains.size === 0 && (installed === 'absent' || onlyAdd)) return null;
  const commands = wanted.chains.size > 0 ? change(wanted, installed, onlyAdd) : removal();
  return commands.length === 0 ? null : JSON.stringify({ nftables: commands });
}

/** A transaction after which there is no table, whether or not there was one. */
export function removalCommands(): string {
  return JSON.stringify({ nftables: removal() });
}

/** A transaction for `nft --check`: whether this kernel can send dropped packets to the agent. */
export function logCheckCommands(): string {
  const commands = [TABLE_OBJECT, LOG_LIMIT_OBJECT, { chain: inTable('log') }];
  const rule = ruleObject('log', 0, logStatements('check'));
  return JSON.stringify({ nftables: [...commands, rule].map(add) });
}

/** Adding before deleting makes the deletion succeed whether or not there was a table. */
function removal(): Json[] {
  return [add(TABLE_OBJECT), remove(TABLE_OBJECT)];
}

function change(wanted: PolicyTable, installed: TableChange['installed'], onlyAdd: boolean): Json[] {
  const isWhole = typeof installed !== 'string';
  const before = isWhole ? installed : NOTHING;
  const isNew = <T>(all: ReadonlyMap<string, T>, known: { has(name: string): boolean }) =>
    [...all].filter(([name]) => !known.has(name));
  const chains = isNew(wanted.chains, before.chains);
  const additions = [
    ...isNew(wanted.counters, before.counters).map(([name]) => add({ counter: inTable(name) })),
    ...[...wanted.sets].flatMap(([name, set]) => setCommands(name, set, before.sets.get(name), onlyAdd)),
    ...chains.map(([name]) => add({ chain: inTable(name) })),
    ...chains.flatMap(([name, chain]) => rules(name, chainStatements(chain, wanted))),
    ...VERDICT_MAPS.flatMap((map) => mapCommands(map, wanted.verdicts[map], before.verdicts[map], onlyAdd)),
  ];
  const removals = onlyAdd
    ? []
    : [
        ...[...before.chains]
          .filter((name) => !wanted.chains.has(name))
          .sort((a, b) => Number(b.startsWith(BEFORE)) - Number(a.startsWith(BEFORE)))
          .map((name) => remove({ chain: inTable(name) })),
        ...[...before.sets.keys()]
          .filter((name) => !wanted.sets.has(name))
          .map((name) => remove({ set: inTable(name) })),
        ...[...before.counters]
          .filter((name) => !wanted.counters.has(name))
          .map((name) => remove({ counter: inTable(name) })),
      ];
  return isWhole ? [...additions, ...removals] : [...foundation(), ...additions, ...hook()];
}

/** An empty table with its maps. */
function foundation(): Json[] {
  return [
    ...removal(),
    add(TABLE_OBJECT),
    add(LOG_LIMIT_OBJECT),
    ...VERDICT_MAPS.map((map) => add({ map: { ...inTable(map), type: ADDRESS_TYPE[familyOf(map)], map: 'verdict' } })),
  ];
}

function hook(): Json[] {
  const names = Object.keys(FIXED_CHAINS);
  return [
    ...names.map((name) => add({ chain: { ...inTable(name), ...(name === 'forward' ? FORWARD_HOOK : {}) } })),
    ...Object.entries(FIXED_CHAINS).flatMap(([name, statements]) => rules(name, statements)),
  ];
}

function rules(chain: string, all: readonly (readonly Json[])[]): Json[] {
  return all.map((statements, i) => add(ruleObject(chain, i, statements)));
}

function setCommands(name: string, set: TableSet, before: ReadonlySet<string> | undefined, onlyAdd: boolean): Json[] {
  if (before === set.elements) return [];
  const added = [...set.elements].filter((element) => before?.has(element) !== true);
  const gone = onlyAdd ? [] : [...(before ?? [])].filter((element) => !set.elements.has(element));
  return [
    ...(before === undefined ? [add(setObject(name, set))] : []),
    ...elements(remove, name, gone.map(elementJson)),
    ...elements(add, name, added.map(elementJson)),
  ];
}

/** An element whose chain changes is removed and added in the one transaction. */
function mapCommands(
  name: string,
  wanted: ReadonlyMap<IpAddress, string>,
  before: ReadonlyMap<IpAddress, string>,
  onlyAdd: boolean,
): Json[] {
  const gone = [...before].filter(([ip, chain]) => (wanted.has(ip) || !onlyAdd) && wanted.get(ip) !== chain);
  const added = [...wanted].filter(([ip, chain]) => before.get(ip) !== chain);
  const json = (entries: [IpAddress, string][]): Json[] => entries.map(([ip, chain]) => [ip, jump(chain)]);
  return [...elements(remove, name, json(gone)), ...elements(add, name, json(added))];
}

function elements(verb: (object: Json) => Json, set: string, elem: readonly Json[]): Json[] {
  return elem.length === 0 ? [] : [verb({ element: { ...inTable(set), elem } })];
}

function add(object: Json): Json {
  return { add: object };
}

function remove(object: Json): Json {
  return { delete: object };
}
