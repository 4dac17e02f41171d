/**
 * One nft table of Heddle, compared and written as a whole. It is written in one transaction and its rules are never edited;
 * every rule's comment holds a fingerprint of the whole, so one listing shows whether all rules, and no others, are in place.
 * Elements of sets are not compared: they change with every pod. Other tables are never changed.
 */
import { createHash } from 'node:crypto';
import { CommandError } from '../../common/errors.js';
import { runJson } from '../../common/host/command.js';
import type { CommandRunner } from '../../common/host/command.js';
import type { Repair } from './host-plan.js';

export interface NftTable {
  /** Family and name. */
  readonly id: readonly [family: string, name: string];
  /** Sets and counters, a line each. */
  readonly definitions: readonly string[];
  readonly chains: readonly NftChain[];
}

export interface NftChain {
  readonly name: string;
  readonly hook: string;
  readonly rules: readonly string[];
}

/** A table as it is in the kernel. */
export interface NftTableFound {
  /** Of all rules in order; '' for a rule without a comment. */
  readonly comments: readonly string[];
  /** Packets by counter name. */
  readonly counters: Readonly<Record<string, number>>;
}

const FINGERPRINT_DIGITS = 12;

/** Null when there is no such table, or no nft. */
export async function listNftTable(commands: CommandRunner, id: NftTable['id']): Promise<NftTableFound | null> {
  try {
    const listing = (await runJson(commands, 'nft', ['--terse', '-j', 'list', 'table', ...id])) as NftListing;
    const entries = listing.nftables ?? [];
    const counters = entries.flatMap(({ counter }) => (counter === undefined ? [] : [[counter.name, counter.packets]]));
    return {
      comments: entries.flatMap(({ rule }) => (rule === undefined ? [] : [rule.comment ?? ''])),
      counters: Object.fromEntries(counters) as Record<string, number>,
    };
  } catch (thrown) {
    if (thrown instanceof CommandError && thrown.exitCode !== null) return null;
    throw thrown;
  }
}

interface NftListing {
  readonly nftables?: readonly {
    readonly rule?: { readonly comment?: string };
    readonly counter?: { readonly name: string; readonly packets: number };
  }[];
}

/** @param more lines in the same transaction: the elements of the table's sets */
export function nftTableRepairs(wanted: NftTable, found: NftTableFound | null, more: readonly string[] = []): Repair[] {
  const fingerprint = fingerprintOf(wanted);
  if (found !== null && sameList(found.comments, wantedComments(wanted, fingerprint))) return [];
  const name = wanted.id.join(' ');
  const what = found === null ? `nft table ${name} was missing` : `nft table ${name} had other rules`;
  return [{ what, program: 'nft', args: ['-f', '-'], input: tableText(wanted, fingerprint, more) }];
}

function fingerprintOf(table: NftTable): string {
  return createHash('sha256').update(JSON.stringify(table)).digest('hex').slice(0, FINGERPRINT_DIGITS);
}

function wantedComments({ chains }: NftTable, fingerprint: string): string[] {
  return chains.flatMap((chain) => chain.rules.map((_, i) => comment(chain.name, fingerprint, i)));
}

function comment(chain: string, fingerprint: string, position: number): string {
  return `heddle ${fingerprint} ${chain} ${position}`;
}

/** Adding before deleting makes the deletion succeed whether or not there was a table. */
function tableText({ id, definitions, chains }: NftTable, fingerprint: string, more: readonly string[]): string {
  const name = id.join(' ');
  const body = chains.map(({ name: chain, hook, rules }) => {
    const lines = rules.map((rule, i) => `    ${rule} comment "${comment(chain, fingerprint, i)}"`);
    return [`  chain ${chain} {`, `    ${hook}`, ...lines, '  }'].join('\n');
  });
  const table = [`table ${name} {`, ...definitions.map((line) => `  ${line}`), ...body, '}'];
  return [`add table ${name}`, `delete table ${name}`, ...table, ...more, ''].join('\n');
}

function sameList(present: readonly string[], wanted: readonly string[]): boolean {
  return present.length === wanted.length && wanted.every((entry, i) => entry === present[i]);
}
