/**
 * Program of the crowd: `node dist/crowd.js --peers 100 --seed 10.77.0.1:6785 --secret-file FILE`. It runs until SIGTERM,
 * and says goodbye to its peers then.
 */
import { parseArgs } from 'node:util';
import { messageOf } from '../../common/errors.js';
import { createLogger } from '../../common/log.js';
import { parseSocketAddress } from '../../common/address/socket-address.js';
import { systemClock } from '../../common/clock.js';
import { loadClusterSecrets } from '../../agent/settings/cluster-secret.js';
import { NoticeLog } from '../../common/notice-log.js';
import { systemRandom } from '../../agent/control-plane/system-random.js';
import { Crowd } from './crowd.js';
import { parseNodeId } from '../../common/node-id.js';
import { planCrowd } from './crowd-plan.js';
import { settledParts } from './settled-crowd.js';

const OPTIONS = {
  peers: { type: 'string', default: '100' },
  seed: { type: 'string', multiple: true },
  'secret-file': { type: 'string' },
  port: { type: 'string', default: '6785' },
  mtu: { type: 'string', default: '1500' },
  'link-among': { type: 'boolean', default: false },
  /** Id of the node that a settled crowd meets. */
  settled: { type: 'string' },
} as const;

async function main(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({ args: [...args], options: OPTIONS, strict: true });
  const port = Number(values.port);
  const { secrets } = await loadClusterSecrets(values['secret-file'] ?? '');
  const settings = {
    clusterSecret: secrets[0]!,
    port,
    seeds: (values.seed ?? []).map((text) => parseSocketAddress(text, port)),
    mtuBytes: Number(values.mtu),
    linkAmong: values['link-among'] || values.settled !== undefined,
  };
  const notices = new NoticeLog(createLogger('crowd', 'warn'), systemClock);
  const around = { clock: systemClock, random: systemRandom, notices };
  const plans = planCrowd(Number(values.peers));
  const moment = { random: systemRandom, nowMs: Date.now() };
  const parts = values.settled === undefined ? [] : settledParts(plans, parseNodeId(values.settled), settings, moment);
  const crowd = new Crowd(plans, settings, around, parts);
  process.once('SIGTERM', () => void crowd.stop().then(() => process.exit(0)));
  await crowd.start();
}

await main(process.argv.slice(2)).catch((thrown: unknown) => {
  process.stderr.write(`crowd: ${messageOf(thrown)}\n`);
  process.exit(1);
});
