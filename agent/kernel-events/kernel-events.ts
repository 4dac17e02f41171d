/**
 * The kernel's events about the pod network, the underlay and the firewall, and their watches. One program reports interfaces,
 * addresses, routes and routing rules of this network namespace and of those of pods, the other one chains and rules of nft.
 */
import { startLineProgram } from '../../common/host/line-program.js';
import { FirewallWatch } from './firewall-watch.js';
import type { FirewallWatchDeps } from './firewall-watch.js';
import { KernelMonitor } from './kernel-monitor.js';
import { NetworkWatch } from './network-watch.js';
import type { NetworkWatchDeps } from './network-watch.js';
import { StationWatch } from './station-watch.js';
import type { StationWatchDeps } from './station-watch.js';

const NETWORK_MONITOR = ['ip', '-oneline', 'monitor', 'link', 'address', 'route', 'rule', 'all-nsid'] as const;
const FIREWALL_MONITOR = ['nft', 'monitor', 'ruleset'] as const;

export interface KernelEventsDeps extends NetworkWatchDeps, Omit<FirewallWatchDeps, 'look'> {
  readonly stationChanged: StationWatchDeps['changed'];
}

export class KernelEvents {
  readonly #network: NetworkWatch;
  readonly #stations: StationWatch;
  readonly #firewall: FirewallWatch;
  readonly #monitors: readonly KernelMonitor[];

  constructor(deps: KernelEventsDeps) {
    this.#network = new NetworkWatch(deps);
    this.#stations = new StationWatch({ clock: deps.clock, changed: deps.stationChanged });
    this.#firewall = new FirewallWatch({ ...deps, look: deps.mendHost });
    const monitor = (program: readonly [string, ...string[]], onLine: (line: string) => void) =>
      new KernelMonitor({
        open: (onText, onEnd) => startLineProgram(program, onText, onEnd),
        clock: deps.clock,
        onLine,
      });
    this.#monitors = [
      monitor(NETWORK_MONITOR, (line) => {
        this.#stations.take(line);
        this.#network.take(line);
      }),
      monitor(FIREWALL_MONITOR, (line) => this.#firewall.take(line)),
    ];
  }

  start(): void {
    for (const monitor of this.#monitors) monitor.start();
  }

  /** Resolves when nothing is being looked at or mended. */
  async stop(): Promise<void> {
    for (const monitor of this.#monitors) monitor.stop();
    await Promise.all([this.#network.stop(), this.#stations.stop(), this.#firewall.stop()]);
  }
}
