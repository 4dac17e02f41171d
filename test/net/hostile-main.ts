/**
 * Program of a member that lies: `node dist/hostile-member.js --lie NAME --address IP --seed IP --secret-file FILE [--claim CIDR]`.
 * It writes `linked` when it has links to its seeds. A line on standard input begins the lie, and it writes `told` when it has
 * said all; the end of standard input ends the program.
 */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { loadClusterSecrets } from '../../agent/settings/cluster-secret.js';
import { parseCidr } from '../../common/address/cidr.js';
import { parseSocketAddress } from '../../common/address/socket-address.js';
import { UNDERLAY_PORT } from '../../deploy/demo/cluster/plan.js';
import { HostileMember } from './hostile-member.js';
import { LIES } from './hostile-lies.js';

const OPTIONS = {
  lie: { type: 'string' },
  address: { type: 'string' },
  seed: { type: 'string', multiple: true },
  'secret-file': { type: 'string' },
  claim: { type: 'string', multiple: true },
} as const;

const { values } = parseArgs({ options: OPTIONS, strict: true });
const { secrets } = await loadClusterSecrets(values['secret-file'] ?? '');
const member = new HostileMember({
  address: parseSocketAddress(values.address ?? '', UNDERLAY_PORT),
  seeds: (values.seed ?? []).map((text) => parseSocketAddress(text, UNDERLAY_PORT)),
  clusterSecret: secrets[0]!,
  claims: (values.claim ?? []).map(parseCidr),
});
await member.start();
await member.linked();
const tell = LIES[values.lie ?? '']!(member);
const lines = createInterface({ input: process.stdin });
lines.once('close', () => process.exit(0));
process.stdout.write('linked\n');
await once(lines, 'line');
await tell();
process.stdout.write('told\n');
