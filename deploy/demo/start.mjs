/**
 * Entry of `npm run demo`: fulfils the prerequisites of `dist/demo.js`, then runs it with the arguments. Plain JavaScript for
 * the reasons in `deploy/prerequisites.mjs`.
 */
import { launch } from '../launch.mjs';
import * as prerequisites from '../prerequisites.mjs';

/** Words before the demo's command line. `--help` needs no privilege. */
async function prepare(args) {
  prerequisites.checkPlatform();
  await prerequisites.ensureDependencies();
  await prerequisites.ensureBuilt();
  if (args.includes('--help')) return [];
  await prerequisites.ensureTools();
  return prerequisites.namespaceLauncher();
}

await launch('demo.js', process.argv.slice(2), prepare);
