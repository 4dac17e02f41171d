import { describe, expect, it } from '@jest/globals';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../architecture/root.js';

interface Mutation {
  readonly place: string;
  readonly mutation: string;
  readonly file: string;
  readonly original: string;
  readonly mutated: string;
  readonly test: string;
}

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const mutations = JSON.parse(read('test/mutations/mutations.json')) as readonly Mutation[];

describe('the list of mutations', () => {
  it.each(mutations)('finds the $place once in $file', ({ file, original, mutated }) => {
    expect(read(file).split(original)).toHaveLength(2);
    expect(mutated).not.toBe(original);
  });

  it.each(mutations)('names a test for the $place that exists', ({ test }) => {
    expect(existsSync(join(ROOT, test))).toBe(true);
  });

  it('is the table in CONTRIBUTING.md', () => {
    const rows = mutations.map(({ place, mutation, test }) => `| ${place} | ${mutation} | \`${test}\` |`);
    const table = /\| place \| mutation .*\n.*\n((?:\|.*\n)+)/.exec(read('CONTRIBUTING.md'))?.[1] ?? '';
    expect(table.trim().split('\n')).toEqual(rows);
  });
});
