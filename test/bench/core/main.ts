/**
 * `npm run bench:core`: what the mesh core costs at rest with many linked members, what a member costs that is only known, and how
 * long a forwarding thread stands still for forwarding tables, without sockets and namespaces.
 */
import { describeMachine, machineFacts } from '../machine-facts.js';
import { measureKnown } from './known-members.js';
import { measureRest } from './resting-core.js';
import { measureStandstill } from './table-standstill.js';

const MEMBERS = [100, 1000, 3000];
const KNOWN = [100, 1000, 5000];
const ROUTES = [100, 1000, 5000];

process.stdout.write(`${describeMachine(machineFacts({ aeadEngine: null, wireguardGo: null }))}\n`);
for (const members of MEMBERS) {
  const { events, usPerEvent, cpuPercent } = measureRest(members);
  const line = `${members} linked members at rest: ${events} events in 10 s, ${usPerEvent.toFixed(1)} us each`;
  process.stdout.write(`${line}, ${cpuPercent.toFixed(2)} % of a core\n`);
}

measureKnown(100); // Compiles the code.
for (const members of KNOWN) {
  const { usPerMember, heapBytesPerMember } = measureKnown(members);
  const heap = `${(heapBytesPerMember / 1024).toFixed(2)} KiB of heap each`;
  process.stdout.write(`${members} members learned from adverts: ${usPerMember.toFixed(0)} us each, ${heap}\n`);
}

for (const routes of ROUTES) {
  const measured = measureStandstill(routes);
  const { wholeMs, sliceMs, slice99Ms, changeMs, hundredMs, wholeBytes, changeBytes, hundredBytes } = measured;
  const sliced = `in slices ${sliceMs.toFixed(3)} ms each, 99 % within ${slice99Ms.toFixed(3)}`;
  process.stdout.write(`tables of ${routes} routes: ${wholeBytes} bytes, whole ${wholeMs.toFixed(2)} ms, ${sliced}\n`);
  const ofOne = `${changeBytes} bytes, ${changeMs.toFixed(3)} ms`;
  const ofHundred = `${hundredBytes} bytes, ${hundredMs.toFixed(3)} ms a slice`;
  process.stdout.write(`  a join or a death: ${ofOne}; of a hundred nodes: ${ofHundred}\n`);
}
