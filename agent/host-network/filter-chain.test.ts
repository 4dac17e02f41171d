import { describe, expect, it } from '@jest/globals';
import { dropPosition, unconditionalTargets } from './filter-chain.js';
import type { FilterRule } from './filter-chain.js';

type Fields = Partial<FilterRule>;
const rule = (fields: Fields): FilterRule => ({
  ...{ handle: '1', comment: '', matchesAll: true, verdict: 'none', target: '', inInterfaces: [] },
  ...fields,
});
const some = (verdict: FilterRule['verdict'], target = '') => rule({ matchesAll: false, verdict, target });
const all = (verdict: FilterRule['verdict'], target = '') => rule({ verdict, target });

describe('dropPosition', () => {
  const targets = new Map([
    ['rejects', [some('accept'), all('drop')]],
    ['returns', [all('return'), all('drop')]],
    ['nested', [all('none'), all('jump', 'rejects')]],
    ['loop', [all('jump', 'loop')]],
  ]);

  it.each<[string, FilterRule[], 'accept' | 'drop', number | null]>([
    ['an empty chain with policy accept', [], 'accept', null],
    ['an empty chain with policy drop', [], 'drop', 0],
    ['policy drop behind rules with conditions', [some('accept'), some('drop')], 'drop', 2],
    ['a last rule that drops all', [some('accept'), all('drop')], 'accept', 1],
    ['a rule that accepts all before one that drops all', [all('accept'), all('drop')], 'drop', null],
    ['a drop with a condition', [some('drop')], 'accept', null],
    ['counting and logging only', [all('none')], 'accept', null],
    ['a jump to a chain that rejects the rest', [some('accept'), all('jump', 'rejects')], 'accept', 1],
    ['a jump by another chain', [all('jump', 'nested')], 'accept', 0],
    ['a jump to a chain that returns', [all('jump', 'returns'), some('accept')], 'drop', 2],
    ['a jump with a condition', [some('jump', 'rejects')], 'accept', null],
    ['a return before the policy', [some('accept'), all('return')], 'drop', 1],
    ['a return, and policy accept', [all('return'), all('drop')], 'accept', null],
    ['a chain that jumps to itself', [all('jump', 'loop')], 'drop', 1],
  ])('is right for %s', (_, rules, policy, position) => {
    expect(dropPosition({ rules, policy }, targets)).toBe(position);
  });

  it('asks for the chains that all packets come to', () => {
    expect(unconditionalTargets([some('jump', 'a'), all('jump', 'b'), all('none')])).toEqual(['b']);
  });
});
