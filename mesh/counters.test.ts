import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { COUNTER_NAMES, Counters } from './counters.js';

/** Names in the first column of the tables of a document. */
function documentedNames(path: string): string[] {
  const text = readFileSync(new URL(path, import.meta.url), 'utf8');
  const firstCells = [...text.matchAll(/^\| (`[^|]*`) \|/gm)].map(([, cell]) => cell!);
  return firstCells.flatMap((cell) => [...cell.matchAll(/`(\w+)`/g)].map(([, name]) => name!));
}

describe('the counters of the core', () => {
  it('are all explained in docs/data-path.md, and handshake counters that do not exist are not', () => {
    const documented = documentedNames('../docs/data-path.md');
    expect(COUNTER_NAMES.filter((name) => !documented.includes(name))).toEqual([]);
    const names: readonly string[] = COUNTER_NAMES;
    expect(documented.filter((name) => name.startsWith('handshake') && !names.includes(name))).toEqual([]);
  });

  it('count each refused handshake message under its reason', () => {
    const counters = new Counters();
    counters.countHandshake('badMac');
    counters.countHandshake('badMac');
    counters.count('unknownPeer');
    expect(counters.all()).toEqual({ handshakeBadMac: 2, unknownPeer: 1 });
  });
});
