/** Calls of a program whose input are lines, made together by one process (`common/joined-calls.ts`). */
import type { MakeCalls } from '../../common/joined-calls.js';

/** For a program that fails as a whole: after a failure each call is made alone. */
export function asOneInput(run: (input: string) => Promise<unknown>): MakeCalls<readonly string[]> {
  const attempt = async (calls: readonly (readonly string[])[]): Promise<PromiseSettledResult<void>> => {
    const input = calls.flat().map((line) => `${line}\n`);
    const [outcome] = await Promise.allSettled([run(input.join(''))]);
    return outcome.status === 'fulfilled' ? { status: 'fulfilled', value: undefined } : outcome;
  };
  return async (calls) => {
    const together = await attempt(calls);
    if (together.status === 'fulfilled' || calls.length === 1) return calls.map(() => together);
    const outcomes: PromiseSettledResult<void>[] = [];
    for (const call of calls) outcomes.push(await attempt([call]));
    return outcomes;
  };
}
