import { describe, expect, it } from '@jest/globals';
import { fuzzRuns } from './fuzz-runs.js';

const multipliedBy = (text: string) => ({ HEDDLE_TEST_FUZZ_RUNS: text });

describe('fuzzRuns', () => {
  it('is the base number unless the environment says otherwise', () => {
    expect(fuzzRuns(200, {})).toBe(200);
  });

  it('multiplies by the environment, up and down, and never reaches zero', () => {
    expect(fuzzRuns(200, multipliedBy('50'))).toBe(10_000);
    expect(fuzzRuns(200, multipliedBy('0.5'))).toBe(100);
    expect(fuzzRuns(200, multipliedBy('0.0001'))).toBe(1);
  });

  it.each(['', 'many', '-3', '0', 'Infinity'])('ignores %j, which is no multiplier', (text) => {
    expect(fuzzRuns(200, multipliedBy(text))).toBe(200);
  });
});
