/** Schedule of faults: begins and ends each one at its time, and marks the nodes that it touches. */
import type { SimCluster } from '../sim-cluster.js';
import { beginFault } from './fault-actions.js';
import type { ActiveFault } from './fault-actions.js';
import type { Fault } from './fault-kinds.js';

export function scheduleFaults(cluster: SimCluster, faults: readonly Fault[]): void {
  const { network } = cluster;
  const active = new Set<ActiveFault>();
  const touch = ({ nodes, loses }: ActiveFault, untilMs: number): void => cluster.disturb(nodes, loses, untilMs);
  const begin = (fault: Fault): void => {
    const begun = beginFault(cluster, fault);
    active.add(begun);
    touch(begun, Infinity);
    network.at(fault.atMs + fault.forMs, () => {
      begun.end();
      active.delete(begun);
      touch(begun, network.nowMs);
      cluster.disturb(begun.nodes, false, network.nowMs + (begun.lingersMs ?? 0));
      for (const other of active) touch(other, Infinity);
    });
  };
  for (const fault of faults) network.at(fault.atMs, () => begin(fault));
}
