/** Check of masquerading: pods reach a host outside the cluster, which sees the address of their node. */
import { messageOf } from '../../../common/errors.js';
import type { Cluster, Pod } from '../cluster/cluster.js';
import { ping } from '../traffic/ping.js';
import { OUTSIDE, ofFamilies } from '../cluster/plan.js';
import type { PodTraffic } from '../traffic/pod-traffic.js';
import { report } from './check-report.js';
import type { CheckReport } from './check-report.js';

export interface OutsideReport extends CheckReport {
  /** Pod, destination outside the cluster, and the source address seen there. */
  readonly seen: readonly { readonly pod: string; readonly address: string; readonly source: string }[];
}

interface Trial {
  readonly pod: Pod;
  readonly address: string;
  readonly expectedSource: string;
}

export async function checkOutside(cluster: Cluster, traffic: PodTraffic): Promise<OutsideReport> {
  const seen: { pod: string; address: string; source: string }[] = [];
  const problems: string[] = [];
  for (const trial of trials(cluster)) {
    const { pod, address, expectedSource } = trial;
    if (!(await ping(pod.namespace, address)).ok) problems.push(`${pod.name} does not reach the outside at ${address}`);
    try {
      const source = await traffic.observedSource(pod.namespace, cluster.underlay.outside, address);
      seen.push({ pod: pod.name, address, source });
      if (source !== expectedSource)
        problems.push(`the outside sees ${pod.name} as ${source}, expected ${expectedSource}`);
    } catch (thrown) {
      problems.push(`${pod.name} to ${address}: ${messageOf(thrown)}`);
    }
  }
  return report(problems, { seen });
}

/** One pod is enough, since every node has the same rules. */
function trials(cluster: Cluster): Trial[] {
  return cluster.pods
    .slice(0, 1)
    .flatMap((pod) =>
      ofFamilies(
        cluster.plan.families,
        { pod, address: OUTSIDE.serviceV4, expectedSource: pod.node.plan.underlayV4 },
        { pod, address: OUTSIDE.serviceV6, expectedSource: pod.node.plan.underlayV6 },
      ),
    );
}
