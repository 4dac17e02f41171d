/**
 * `npm run curves`: bundles the drawing program from the sources and runs it with the arguments given. Plain JavaScript for the
 * reasons in `deploy/prerequisites.mjs`.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import * as prerequisites from '../../deploy/prerequisites.mjs';

await prerequisites.runMain(async () => {
  prerequisites.checkPlatform();
  await prerequisites.ensureDependencies();
  const { build } = await import('esbuild');
  const program = join(prerequisites.ROOT, 'dist', 'curves.js');
  const entryPoints = [join(prerequisites.ROOT, 'test', 'curves', 'main.ts')];
  await build({ entryPoints, outfile: program, bundle: true, packages: 'external', platform: 'node', format: 'esm' });
  const { status } = spawnSync(process.execPath, [program, ...process.argv.slice(2)], { stdio: 'inherit' });
  process.exitCode = status ?? 1;
});
