/**
 * `npm run sim`: bundles the simulator from the sources and runs it with the arguments given. Plain JavaScript for the reasons in
 * `deploy/prerequisites.mjs`.
 */
import { spawnSync } from 'node:child_process';
import { totalmem } from 'node:os';
import * as prerequisites from '../../deploy/prerequisites.mjs';

/** Thousands of cores in one heap. */
const HEAP_MIB = Math.floor((totalmem() / 2 ** 20) * 0.8);
/**
 * Nearly all that an event makes is garbage after the next ones: a large young generation copies little of it. An event runs through
 * hundreds of small functions: twice as much as is usual is inlined.
 */
const FOR_SPEED = [
  '--max-semi-space-size=64',
  '--max-inlined-bytecode-size=920',
  '--max-inlined-bytecode-size-cumulative=3000',
  '--max-optimized-bytecode-size=120000',
];

await prerequisites.runMain(async () => {
  prerequisites.checkPlatform();
  await prerequisites.ensureDependencies();
  const { bundle } = await import('./bundle.mjs');
  const args = process.argv.slice(2);
  const program = await bundle({ real: args.includes('--real-crypto') });
  const flags = [`--max-old-space-size=${HEAP_MIB}`, ...FOR_SPEED, '--expose-gc', '--enable-source-maps'];
  const { status } = spawnSync(process.execPath, [...flags, program, ...args], { stdio: 'inherit' });
  process.exitCode = status ?? 1;
});
