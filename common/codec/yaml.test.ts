import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { fuzzRuns } from '../../test/fuzz/fuzz-runs.js';
import { DecodeError } from '../errors.js';
import { formatYaml, parseYaml } from './yaml.js';

describe('parseYaml', () => {
  it('gives plain data, and null for an empty document', () => {
    expect(parseYaml('a: 1\nb: [x, "2"]\nc: true\n')).toEqual({ a: 1, b: ['x', '2'], c: true });
    expect(parseYaml('')).toBeNull();
    expect(parseYaml('# only a comment\n')).toBeNull();
  });

  it('follows YAML 1.2: "no" and "on" are text, leading zeros are not octal', () => {
    expect(parseYaml('a: no\nb: on\nc: 0o10\n')).toEqual({ a: 'no', b: 'on', c: 8 });
  });

  it.each(['a: 1\na: 2\n', 'a: [1', '\tb: 1', 'a: *nothing', '--- 1\n--- 2\n', 'a: !unknown 1'])(
    'refuses %j',
    (text) => {
      expect(() => parseYaml(text)).toThrow(DecodeError);
    },
  );

  it('names line and column of an error', () => {
    expect(() => parseYaml('a: 1\nb: 2\na: 3\n')).toThrow(/not valid YAML: .* at line 3, column 1/);
  });

  it('refuses aliases that expand beyond the limit', () => {
    const levels = Array.from({ length: 9 }, (_, i) => `l${i + 1}: &l${i + 1} [${Array(9).fill(`*l${i}`).join(', ')}]`);
    expect(() => parseYaml(['l0: &l0 x', ...levels].join('\n'))).toThrow(DecodeError);
  });

  it('parses any text or throws a DecodeError', () => {
    const yamlish = fc.string({ unit: fc.constantFrom(...'a1:-[]{}&*!|>\'"#%@`, \n\t?~'), maxLength: 60 });
    fc.assert(
      fc.property(yamlish, (text) => {
        try {
          parseYaml(text);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(DecodeError);
        }
      }),
      { numRuns: fuzzRuns(32) },
    );
  });
});

describe('formatYaml', () => {
  it('writes block style that is parsed as the same data', () => {
    expect(formatYaml({ name: 'node-a', podCidrs: ['10.1.0.0/24'], rttMs: null })).toBe(
      'name: node-a\npodCidrs:\n  - 10.1.0.0/24\nrttMs: null\n',
    );
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        fc.pre(!JSON.stringify(value).includes('-0') && !JSON.stringify(value).includes('__proto__'));
        expect(parseYaml(formatYaml(value))).toEqual(value);
      }),
      { numRuns: fuzzRuns(32) },
    );
  });
});
