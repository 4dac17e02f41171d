/**
 * `npm run bench:crowd`: brings a fresh clone to the point where `dist/bench-crowd.js` can run, then runs it with the
 * arguments given. Plain JavaScript for the reasons in `deploy/prerequisites.mjs`.
 */
import { launch } from '../../../deploy/launch.mjs';
import * as prerequisites from '../../../deploy/prerequisites.mjs';

/** The words to put before the command line. Usage questions are answered without any privilege. */
async function prepare(args) {
  prerequisites.checkPlatform();
  await prerequisites.ensureDependencies();
  const sources = ['test/bench', 'test/crowd'];
  await prerequisites.ensureBuilt({ outputs: ['bench-crowd.js', 'crowd.js'], sources });
  if (args.includes('--help') || args.includes('-h')) return [];
  await prerequisites.ensureTools();
  return prerequisites.namespaceLauncher();
}

await launch('bench-crowd.js', process.argv.slice(2), prepare);
