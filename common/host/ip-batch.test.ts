import { describe, expect, it } from '@jest/globals';
import { CommandError } from '../errors.js';
import type { CommandRunner } from './command.js';
import { runIpBatches } from './ip-batch.js';

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
