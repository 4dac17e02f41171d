/** `npm run bench:core`: what the mesh core costs at rest with many linked members, without sockets and namespaces. */
import { describeMachine, machineFacts } from '../machine-facts.js';
import { measureRest } from './resting-core.js';

const MEMBERS = [100, 1000, 3000];

process.stdout.write(`${describeMachine(machineFacts({ aeadEngine: null, wireguardGo: null }))}\n`);
for (const members of MEMBERS) {
  const { events, usPerEvent, cpuPercent } = measureRest(members);
  const line = `${members} linked members at rest: ${events} events in 10 s, ${usPerEvent.toFixed(1)} us each`;
  process.stdout.write(`${line}, ${cpuPercent.toFixed(2)} % of a core\n`);
}
