import { describe, expect, it } from '@jest/globals';
import { answersOf, compilerOf, disagreements } from './testing/agreement.js';
import { Dice, randomCluster } from './testing/random-cluster.js';

const CLUSTERS = 10_000;

describe('policies of random clusters', () => {
  it(`are decided and compiled as the text of the API says, in ${CLUSTERS} clusters`, () => {
    let [allowed, flows] = [0, 0];
    for (let seed = 1; seed <= CLUSTERS; seed++) {
      const dice = new Dice(seed);
      const objects = randomCluster(dice);
      const answers = answersOf(dice, objects, compilerOf(objects));
      expect([seed, disagreements(answers)]).toEqual([seed, []]);
      flows += answers.length;
      allowed += answers.filter(({ oracle }) => oracle).length;
    }
    // Neither answer is rare, so that the agreement says something.
    expect(Math.min(allowed, flows - allowed)).toBeGreaterThan(flows / 8);
  });
});
