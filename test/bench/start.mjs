/**
 * `npm run bench`: brings a fresh clone to the point where `dist/bench.js` can run, then runs it with the arguments given.
 * Plain JavaScript for the reasons in `deploy/prerequisites.mjs`.
 */
import { launch } from '../../deploy/launch.mjs';
import * as prerequisites from '../../deploy/prerequisites.mjs';

/** Programs that measure and, optional, those to compare with. */
const TOOLS = [
  { program: 'iperf3', package: 'iperf3', optional: false },
  { program: 'sockperf', package: 'sockperf', optional: false },
  { program: 'ethtool', package: 'ethtool', optional: false },
  { program: 'wireguard-go', package: 'wireguard-go', optional: true },
  { program: 'wg', package: 'wireguard-tools', optional: true },
];

/** The words to put before the benchmark's command line. Usage questions are answered without any privilege. */
async function prepare(args) {
  prerequisites.checkPlatform();
  await prerequisites.ensureDependencies();
  await prerequisites.ensureBuilt({ outputs: ['bench.js'], sources: ['test/bench'] });
  if (args.includes('--help') || args.includes('-h')) return [];
  await prerequisites.ensureTools(TOOLS);
  return prerequisites.namespaceLauncher();
}

await launch('bench.js', process.argv.slice(2), prepare);
