/**
 * `npm run demo`: brings a fresh clone to the point where `dist/demo.js` can run, then runs it with the arguments given.
 * Plain JavaScript for the reasons in `deploy/prerequisites.mjs`.
 */
import { launch } from '../launch.mjs';
import * as prerequisites from '../prerequisites.mjs';

/** The words to put before the demo's command line. Usage questions are answered without any privilege. */
async function prepare(args) {
  prerequisites.checkPlatform();
  await prerequisites.ensureDependencies();
  await prerequisites.ensureBuilt();
  if (args.includes('--help')) return [];
  await prerequisites.ensureTools();
  return prerequisites.namespaceLauncher();
}

await launch('demo.js', process.argv.slice(2), prepare);
