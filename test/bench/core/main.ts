/**
 * `npm run bench:core`: what the mesh core costs at rest with many linked members, and how long a forwarding thread stands still for
 * forwarding tables, without sockets and namespaces.
 */
import { describeMachine, machineFacts } from '../machine-facts.js';
import { measureRest } from './resting-core.js';
import { measureStandstill } from './table-standstill.js';

const MEMBERS = [100, 1000, 3000];
const ROUTES = [100, 1000, 5000];

process.stdout.write(`${describeMachine(machineFacts({ aeadEngine: null, wireguardGo: null }))}\n`);
for (const members of MEMBERS) {
  const { events, usPerEvent, cpuPercent } = measureRest(members);
  const line = `${members} linked members at rest: ${events} events in 10 s, ${usPerEvent.toFixed(1)} us each`;
  process.stdout.write(`${line}, ${cpuPercent.toFixed(2)} % of a core\n`);
}

for (const routes of ROUTES) {
  const { wholeMs, sliceMs, slice99Ms } = measureStandstill(routes);
  const sliced = `in slices ${sliceMs.toFixed(3)} ms each, 99 % within ${slice99Ms.toFixed(3)}`;
  process.stdout.write(`tables of ${routes} routes: whole ${wholeMs.toFixed(2)} ms, ${sliced}\n`);
}
