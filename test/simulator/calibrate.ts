/**
 * Calibration: how long the mesh core takes for each kind of event on this machine, in two clusters of different size. The median of
 * each, and the growth per member between the two. Events that brought adverts which were new to the node have lines of their own.
 */
import type { Mesh, MeshEvent } from '../../mesh/index.js';
import { SimNetwork } from '../../mesh/testing/sim-network.js';
import { median } from '../bench/median.js';

const SIZES = [10, 60] as const;
const RUN_MS = 30_000;
const SEED = 1;

/** As a table, one line per kind of event. */
export function calibrate(): string {
  const [few, many] = SIZES.map(timesIn);
  const lines = [...many!.keys()].sort().map((kind) => {
    const [small, large] = [median(few!.get(kind) ?? []) ?? 0, median(many!.get(kind) ?? []) ?? 0];
    const perMember = Math.max(0, (large - small) / (SIZES[1] - SIZES[0]));
    const base = Math.max(0, small - perMember * SIZES[0]);
    return `${kind.padEnd(20)} ${base.toFixed(1).padStart(8)} ${perMember.toFixed(2).padStart(12)}`;
  });
  return [`${'event'.padEnd(20)} ${'us'.padStart(8)} ${'us a member'.padStart(12)}`, ...lines, ''].join('\n');
}

/** Microseconds by kind, of all nodes of a cluster. */
function timesIn(size: number): Map<string, number[]> {
  const times = new Map<string, number[]>();
  const network = new SimNetwork(SEED, { keepsDatagrams: false });
  for (const { mesh } of network.startCluster(size)) if (mesh !== null) time(mesh, times);
  network.run(RUN_MS);
  return times;
}

/** From now on the time of each event that the core handles is added. */
function time(mesh: Mesh, times: Map<string, number[]>): void {
  const handle = mesh.handle.bind(mesh);
  mesh.handle = (event, nowMs) => {
    const learned = mesh.learnedAdverts;
    const startedMs = performance.now();
    const effects = handle(event, nowMs);
    const takenUs = (performance.now() - startedMs) * 1000;
    const kind = kindOf(event) + (mesh.learnedAdverts > learned ? ', new' : '');
    const taken = times.get(kind) ?? [];
    taken.push(takenUs);
    times.set(kind, taken);
    return effects;
  };
}

function kindOf(event: MeshEvent): string {
  return event.type === 'datagram' ? `datagram ${event.bytes[0]}` : event.type;
}
