import { describe, expect, it } from '@jest/globals';
import { CommandError } from '../../common/errors.js';
import type { CommandRunner } from '../../common/host/command.js';
import { runIpBatches } from '../../common/host/ip-batch.js';
import { asOneInput } from './joined-input.js';

describe('calls with one input', () => {
  it('makes each alone when they fail together, and gives each its own outcome', async () => {
    const inputs: string[] = [];
    const make = asOneInput((input) => {
      inputs.push(input);
      return input.includes('wrong') ? Promise.reject(new CommandError('nft', 1, input)) : Promise.resolve();
    });
    const outcomes = await make([['a', 'b'], ['wrong'], ['c']]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(inputs).toEqual(['a\nb\nwrong\nc\n', 'a\nb\n', 'wrong\n', 'c\n']);
  });
});

describe('several batches of `ip` in one process', () => {
  const failing = (stderr: string): CommandRunner => ({ run: () => Promise.reject(new CommandError('ip', 1, stderr)) });
  const batches = [[{ text: 'a' }, { text: 'b', optional: true }], [{ text: 'c' }], [{ text: 'd' }, { text: 'e' }]];

  it('fail by their own lines', async () => {
    const stderr = 'Error: optional\nCommand failed -:2\nRTNETLINK answers: File exists\nCommand failed -:5\n';
    const outcomes = await runIpBatches(failing(stderr), batches);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
    expect(outcomes[2]).toMatchObject({ reason: { message: expect.stringContaining('File exists') as unknown } });
  });

  it('all fail when the program could not run', async () => {
    const outcomes = await runIpBatches(failing('no such program'), batches);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
  });
});
