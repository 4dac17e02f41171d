/**
 * `npm run bench:core`: brings a fresh clone to the point where `dist/bench-core.js` can run, then runs it. It needs no privilege.
 * Plain JavaScript for the reasons in `deploy/prerequisites.mjs`.
 */
import { launch } from '../../../deploy/launch.mjs';
import * as prerequisites from '../../../deploy/prerequisites.mjs';

async function prepare() {
  prerequisites.checkPlatform();
  await prerequisites.ensureDependencies();
  await prerequisites.ensureBuilt({ outputs: ['bench-core.js'], sources: ['test/bench', 'mesh', 'router'] });
  return [];
}

await launch('bench-core.js', process.argv.slice(2), prepare);
