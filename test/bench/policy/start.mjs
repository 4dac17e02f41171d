/**
 * `npm run bench:policy`: brings a fresh clone to the point where `dist/bench-policy.js` can run, then runs it with the arguments
 * given. Plain JavaScript for the reasons in `deploy/prerequisites.mjs`.
 */
import { launch } from '../../../deploy/launch.mjs';
import * as prerequisites from '../../../deploy/prerequisites.mjs';

async function prepare() {
  prerequisites.checkPlatform();
  await prerequisites.ensureDependencies();
  await prerequisites.ensureBuilt({ outputs: ['bench-policy.js'], sources: ['test/bench', 'policy'] });
  return [];
}

await launch('bench-policy.js', process.argv.slice(2), prepare);
