/**
 * `npm run sim`: bundles the simulator from the sources and runs it with the arguments given. Plain JavaScript for the reasons in
 * `deploy/prerequisites.mjs`.
 */
import { spawnSync } from 'node:child_process';
import { totalmem } from 'node:os';
import * as prerequisites from '../../deploy/prerequisites.mjs';

const MEMORY_MIB = totalmem() / 2 ** 20;
/** Thousands of cores in one heap. */
const HEAP_MIB = Math.floor(MEMORY_MIB * 0.8);
/** Half of the young generation, which takes three times as much at most. Grows when much lives on. */
const YOUNG_MIB = Math.min(1024, 2 ** Math.floor(Math.log2(MEMORY_MIB / 16)));
/**
 * What an event makes is garbage when its node has handled some more: with a young generation so large that all nodes have had
 * their turn, little of it is copied. An event runs through hundreds of small functions: twice as much as is usual is inlined.
 */
const FOR_SPEED = [
  `--max-semi-space-size=${YOUNG_MIB}`,
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
