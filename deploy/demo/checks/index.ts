/**
 * Checks of the demo (`--check`) on a running cluster, one after the other; each check has a file of its own.
 */
import { messageOf } from '../../../common/errors.js';
import type { Cluster, Step } from '../cluster/cluster.js';
import type { PodTraffic } from '../traffic/pod-traffic.js';
import { checkAgentRestart } from './agent-restart.js';
import type { CheckReport } from './check-report.js';
import { checkDeath } from './death.js';
import { EncryptionCheck } from './encryption.js';
import { checkOutside } from './outside.js';
import { pingAll, reportPings } from './pings.js';
import { checkTransfers } from './transfers.js';

export type { CheckReport } from './check-report.js';
export { medianOf, pingAll, reportPings } from './pings.js';
export type { PingResult } from './pings.js';

export type CheckName = 'pings' | 'transfers' | 'encryption' | 'outside' | 'agentRestart' | 'death';

/** Runs all checks. An exception is a failed check. */
export async function runChecks(
  cluster: Cluster,
  traffic: PodTraffic,
  step: Step,
): Promise<Record<CheckName, CheckReport>> {
  const run = <R extends CheckReport>(label: string, check: () => Promise<R>): Promise<R | CheckReport> =>
    step<R | CheckReport>(
      label,
      () => check().catch((thrown: unknown) => ({ ok: false, problems: [messageOf(thrown)] })),
      ({ ok }) => ok,
    );
  const capture = new EncryptionCheck(cluster);
  await step('capture on the underlay', () => capture.start());
  const pings = await run('pings: pods to pods and gateways, nodes to pods', async () =>
    reportPings(await pingAll(cluster)),
  );
  await capture.stopInsidePod();
  const transfers = await run('TCP transfers between all nodes', () => checkTransfers(cluster, traffic));
  const movedBytes = 'totalBytes' in transfers ? transfers.totalBytes : 0;
  return {
    pings,
    transfers,
    encryption: await run('no plain text on the underlay', () => capture.finish(movedBytes)),
    outside: await run('masquerade: the outside sees the address of the node', () => checkOutside(cluster, traffic)),
    agentRestart: await run('agent killed during a transfer', () => checkAgentRestart(cluster, traffic)),
    death: await run('node killed and restarted', () => checkDeath(cluster)),
  };
}
