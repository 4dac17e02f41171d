/**
 * Watch of the pod network for damage, and of the underlay for changes: reads the kernel's events (`kernel-monitor.ts`) and asks
 * for a repair or a look within a second. The periodic looks of host network and pods find what it misses.
 */
import type { Clock } from '../../common/clock.js';
import type { HostInterface } from '../../cni/index.js';
import { NetworkDamage } from './network-damage.js';
import type { DamageNames } from './network-damage.js';
import { PacedTask } from './paced-task.js';

export interface NetworkWatchDeps {
  readonly clock: Clock;
  readonly names: DamageNames;
  /** Looks at addresses and MTU of the host's other interfaces. Must not reject. */
  readonly lookAtUnderlay: () => Promise<void>;
  /** Looks at bridge, TAP and routes of the host. Must not reject. */
  readonly mendHost: () => Promise<void>;
  /** Whether a CNI call is at work on this host interface: its steps are no damage. */
  readonly isBusy: (hostInterface: string) => boolean;
  /** Compares the pods with these host interfaces. Must not reject. */
  readonly mendPods: (isConcerned: (hostInterface: HostInterface) => boolean) => Promise<void>;
}

export class NetworkWatch {
  readonly #damage: NetworkDamage;
  /** Apart, so that a pod which changes its routes all the time does not delay repairs of the host. */
  readonly #mendingHost: PacedTask;
  readonly #mendingPods: PacedTask;
  readonly #looking: PacedTask;

  constructor(readonly deps: NetworkWatchDeps) {
    this.#damage = new NetworkDamage(deps.names);
    this.#mendingHost = new PacedTask(deps.clock, () => this.#mendHost());
    this.#mendingPods = new PacedTask(deps.clock, () => this.#mendPods());
    this.#looking = new PacedTask(deps.clock, () => deps.lookAtUnderlay());
  }

  /** A line of the monitor. */
  take(line: string): void {
    this.#damage.note(line);
    if (this.#damage.hostIsDamaged) this.#mendingHost.request();
    if (this.#damage.podsAreDamaged) this.#mendingPods.request();
    if (this.#damage.concernsUnderlay(line)) this.#looking.request();
  }

  async stop(): Promise<void> {
    await Promise.all([this.#mendingHost.stop(), this.#mendingPods.stop(), this.#looking.stop()]);
  }

  /** The bridge comes first: a port can only be put back on one that exists. */
  async #mendHost(): Promise<void> {
    const { host, ports } = this.#damage.takeHost();
    if (host) await this.deps.mendHost();
    const damaged = new Set([...ports].filter((name) => !this.deps.isBusy(name)));
    if (damaged.size > 0) await this.deps.mendPods(({ name }) => damaged.has(name));
  }

  async #mendPods(): Promise<void> {
    const namespaces = this.#damage.takeNamespaces();
    if (namespaces.size > 0) await this.deps.mendPods(({ peer }) => peer !== null && namespaces.has(peer.netnsId));
  }
}
