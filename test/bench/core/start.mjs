/**
 * `npm run bench:core`: brings a fresh clone to the point where `dist/bench-core.js` can run, then runs it. It needs no privilege.
 * Plain JavaScript for the reasons in `deploy/prerequisites.mjs`.
 */
import { launch } from '../../../deploy/launch.mjs';
import * as prerequisites from '../../../deploy/prerequisites.mjs';

const USAGE = `Usage: npm run bench:core

Measures what the mesh core costs at rest, what a known member costs, and how long forwarding tables stop a thread. No options.
`;

async function prepare() {
  prerequisites.checkPlatform();
  await prerequisites.ensureDependencies();
  await prerequisites.ensureBuilt({ outputs: ['bench-core.js'], sources: ['test/bench', 'mesh', 'router'] });
  return [];
}

const [first] = process.argv.slice(2);
if (first === undefined) await launch('bench-core.js', [], prepare);
else {
  (first === '--help' ? process.stdout : process.stderr).write(USAGE);
  process.exitCode = first === '--help' ? 0 : 2;
}
