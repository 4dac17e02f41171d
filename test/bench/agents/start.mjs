/**
 * `npm run bench:agents`: brings a fresh clone to the point where `dist/bench-agents.js` can run, then runs it with the
 * arguments given. Plain JavaScript for the reasons in `deploy/prerequisites.mjs`.
 */
import { launch } from '../../../deploy/launch.mjs';
import * as prerequisites from '../../../deploy/prerequisites.mjs';

/** The words to put before the command line. Usage questions are answered without any privilege. */
async function prepare(args) {
  prerequisites.checkPlatform();
  await prerequisites.ensureDependencies();
  await prerequisites.ensureBuilt({ outputs: ['bench-agents.js'], sources: ['test/bench'] });
  if (args.includes('--help') || args.includes('-h')) return [];
  await prerequisites.ensureTools();
  return prerequisites.namespaceLauncher();
}

await launch('bench-agents.js', process.argv.slice(2), prepare);
