import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CNI_CODES } from '../../cni/cni-error.js';
import * as protocol from '../../common/protocol.js';
import { DATAGRAM_TYPE_NAMES } from '../../common/wire/datagram-header.js';
import { MAX_HANDSHAKE_BYTES } from '../../common/wire/handshake-datagram.js';
import { LOSS_REPORT_BYTES } from '../../common/wire/loss-report-unit.js';
import { OVERHEAD_BYTES } from '../../common/wire/overhead.js';
import { KIND_ANSWER, KIND_LOSS_REPORT, KIND_PROBE, PROBE_BYTES } from '../../common/wire/probe-unit.js';
import { COUNTER_NAMES } from '../../mesh/counters.js';
import * as meshLimits from '../../mesh/limits.js';
import * as relayLimits from '../../mesh/relay-limits.js';
import { CONTROL_TYPES } from '../../mesh/wire/control-message.js';
import * as routerLimits from '../../router/limits.js';
import { DROP_REASONS } from '../../router/tables/drop-reasons.js';
import { WINDOW_UNITS } from '../../router/tables/replay-window.js';
import { ROOT } from './root.js';
import { sources } from './source-tree.js';

/** Constants by name that a table of a document may give a value of. */
const CONSTANTS: Readonly<Record<string, unknown>> = {
  ...protocol,
  ...routerLimits,
  ...meshLimits,
  ...relayLimits,
  MAX_HANDSHAKE_BYTES,
  WINDOW_UNITS,
};
const MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, min: 60_000, h: 3_600_000 };

type Row = readonly string[];

/** The rows of every table whose header has these columns, without the header. */
function rowsUnder(document: string, columns: Row): Row[] {
  const rows: Row[] = [];
  let inside = false;
  for (const line of readFileSync(join(ROOT, document), 'utf8').split('\n')) {
    if (!line.startsWith('|')) inside = false;
    else if (inside) rows.push(cellsOf(line));
    else inside = cellsOf(line).join() === columns.join();
  }
  return rows.filter(([first]) => !/^-+$/.test(first!));
}

/** The names that lead the list items of a section of docs/data-path.md: `* \`name\`: ...`, `* \`one\`, \`two\`: ...`. */
function namesListedUnder(heading: string): string[] {
  const text = readFileSync(join(ROOT, 'docs/data-path.md'), 'utf8');
  const section = text.split(/^#+ /m).find((part) => part.startsWith(`${heading}\n`)) ?? '';
  const leads = [...section.matchAll(/^\* ((?:`\w+`(?:, )?)+):/gm)].map(([, names]) => names!);
  return leads.flatMap((names) => names.replaceAll('`', '').split(', '));
}

/** Whether a test file of this name has a test with these words in its title. */
function isTest(name: string, words: string): boolean {
  const files = sources.filter(({ path }) => path.endsWith(`/${name}.test.ts`));
  const lines = files.flatMap(({ text }) => text.split('\n'));
  return lines.some((line) => /^\s*(it\()?['`]/.test(line) && line.includes(words));
}

function cellsOf(line: string): Row {
  return line
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((cell) => cell.trim());
}

/** `10 min`, `2^48 - 1`, `16 384`: milliseconds for a time, else the number. */
function valueOf(text: string): number {
  const [, digits = '', power, less, unit] = /^([\d ]*\d)(?:\^(\d+))?(?: - (\d+))?(?: (ms|s|min|h))?$/.exec(text) ?? [];
  const base = Number(digits.replaceAll(' ', ''));
  const number = (power === undefined ? base : base ** Number(power)) - Number(less ?? 0);
  return number * (unit === undefined ? 1 : MS[unit]!);
}

/** Rows whose value is not that of their constant, or whose constant does not exist. */
function wrongValues(rows: readonly Row[]): Row[] {
  return rows.filter(([, value, constant]) => valueOf(value!) !== CONSTANTS[constant!.replaceAll('`', '')]);
}

describe('docs/cni.md', () => {
  it('lists the codes of errors', () => {
    const codes = rowsUnder('docs/cni.md', ['code', 'means']).map(([code]) => Number(code));
    expect(codes).toEqual(Object.values(CNI_CODES));
  });
});

describe('docs/wire.md', () => {
  it.each(['lifetime', 'limit'])('gives every %s its value in the code', (first) => {
    const rows = rowsUnder('docs/wire.md', [first, 'value', 'constant']);
    expect(rows.length).toBeGreaterThan(10);
    expect(wrongValues(rows)).toEqual([]);
  });

  it('lists the types of datagrams', () => {
    const rows = rowsUnder('docs/wire.md', ['type', 'name', 'carries', 'protected by', 'handled by']);
    expect(rows.map(([type, name]) => [Number(type), name])).toEqual(
      DATAGRAM_TYPE_NAMES.map((name, type) => [type, name]).slice(1),
    );
  });

  it('lists the kinds of probe units with their lengths', () => {
    const rows = rowsUnder('docs/wire.md', ['kind', 'name', 'plaintext', 'content']);
    expect(rows.map(([kind, name, plaintext]) => [Number(kind), name, plaintext])).toEqual([
      [KIND_PROBE, 'probe', `${PROBE_BYTES} bytes or more`],
      [KIND_ANSWER, 'answer', `${PROBE_BYTES} bytes`],
      [KIND_LOSS_REPORT, 'loss report', `${LOSS_REPORT_BYTES} bytes`],
    ]);
  });

  it('lists the types of control messages', () => {
    const rows = rowsUnder('docs/wire.md', ['type', 'message', 'fields after `[type, 1`', 'bound']);
    expect(Object.fromEntries(rows.map(([type, name]) => [name, Number(type)]))).toEqual(CONTROL_TYPES);
  });

  it('gives the overhead of a packet', () => {
    expect(readFileSync(join(ROOT, 'docs/wire.md'), 'utf8')).toContain(`**${OVERHEAD_BYTES} bytes**`);
  });
});

describe('docs/data-path.md', () => {
  it('explains every drop reason of the router, and no other', () => {
    const names = ['From the pods to the peers', 'From the peers to the pods'].flatMap(namesListedUnder);
    expect(names.sort()).toEqual([...DROP_REASONS].sort());
  });

  it('explains every counter of the mesh core, and no other', () => {
    expect(namesListedUnder('Counted by the agent').sort()).toEqual([...COUNTER_NAMES].sort());
  });
});

describe('the threat model', () => {
  it('names a test for each promise, which exists', () => {
    const promises = rowsUnder('docs/security.md', ['who', 'promise', 'in the file', 'test']);
    expect(new Set(promises.map(([who]) => who))).toEqual(new Set(['outsider', 'stolen node', 'pod', 'operator']));
    const missing = promises.filter(([, , file, test]) => !isTest(file!.replaceAll('`', ''), test!));
    expect(missing).toEqual([]);
  });
});

describe('the comparison of documents with constants', () => {
  it('reads values with units, powers and thousands', () => {
    expect(['10 min', '2^48 - 1', '16 384', '100 ms', '24 h'].map(valueOf)).toEqual([
      600_000,
      2 ** 48 - 1,
      16_384,
      100,
      86_400_000,
    ]);
    expect(valueOf('many')).toBe(0);
  });

  it('finds a wrong value and a constant that does not exist', () => {
    const wrong = [
      ['peers', '8193', '`MAX_PEERS`'],
      ['peers', '8192', '`MAX_PEOPLE`'],
    ];
    expect(wrongValues([...wrong, ['peers', '8192', '`MAX_PEERS`']])).toEqual(wrong);
  });
});
