/**
 * `npm run bench:policy`: cost of network policies in a large cluster for the node with the given number of pods. Times of the
 * compiler and memory. Exit codes: 0 measured, 2 usage.
 */
import { describeMachine, machineFacts } from '../machine-facts.js';
import { measureCompiler } from './compiler-cost.js';
import { parsePolicyArguments, USAGE } from './policy-arguments.js';

const parsed = parsePolicyArguments(process.argv.slice(2));
if (parsed.kind === 'run') {
  const { size, localPods } = parsed.options;
  process.stdout.write(`${describeMachine(machineFacts({ aeadEngine: null, wireguardGo: null }))}\n`);
  for (const [name, value] of Object.entries(measureCompiler(size, localPods))) {
    process.stdout.write(`${name.padEnd(44)} ${value}\n`);
  }
} else {
  process.stdout.write(parsed.kind === 'help' ? USAGE : `${parsed.message}\n`);
  if (parsed.kind === 'mistake') process.exitCode = 2;
}
