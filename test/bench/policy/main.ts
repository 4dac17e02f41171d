/**
 * `npm run bench:policy`: what network policies of a large cluster cost a node: the compiler's times and memory, and the table in the
 * kernel beside that of a small cluster. Exit codes: 0 measured, 1 failed, 2 usage, 130 interrupted.
 */
import type { Progress } from '../../../deploy/demo/terminal/progress.js';
import type { Lab } from '../lab.js';
import { runLabProgram } from '../lab-program.js';
import { describeMachine, machineFacts } from '../machine-facts.js';
import { measureCompiler } from './compiler-cost.js';
import { kernelRows, measureKernel } from './kernel-cost.js';
import { parsePolicyArguments, USAGE } from './policy-arguments.js';
import type { PolicyBenchOptions } from './policy-arguments.js';

/** In each namespace there is one policy of each kind, as in the large cluster. */
const FEW = { namespaces: 2, pods: 20, policies: 10 };

async function measure(
  lab: Lab,
  { size, localPods }: PolicyBenchOptions,
  progress: Progress,
): Promise<Record<string, string>> {
  const compiler = await progress.step('compiler', () => Promise.resolve(measureCompiler(size, localPods)));
  const costs = await progress.step('table in the kernel', () => measureKernel(lab, [FEW, size], localPods));
  return { ...compiler, ...kernelRows(costs) };
}

await runLabProgram({
  usage: USAGE,
  parse: parsePolicyArguments,
  measure,
  report(_, rows) {
    const lines = Object.entries(rows).map(([name, value]) => `${name.padEnd(66)} ${value}`);
    return `\n${describeMachine(machineFacts({ aeadEngine: null, wireguardGo: null }))}\n${lines.join('\n')}\n`;
  },
  isComplete: () => true,
});
