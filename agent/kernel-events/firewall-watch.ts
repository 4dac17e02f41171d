/**
 * Watch of the host's firewall: reads the kernel's events about nft chains and rules (`kernel-monitor.ts`), which iptables-nft
 * makes too, and asks for a look at the host's network within a second. A reloaded firewall would cut pods off until the
 * periodic look otherwise; that look still finds what legacy iptables does, which has no events.
 */
import type { Clock } from '../../common/clock.js';
import { PacedTask } from './paced-task.js';

/** `add rule inet fw f accept comment "x"`, `delete table inet fw`. Sets and elements of others change nothing for pods. */
const LINE = /^(add|insert|replace|delete|destroy) (table|chain|rule) \w+ (\S+)/;

export interface FirewallWatchDeps {
  readonly clock: Clock;
  /** Names of tables of ours: what is added there is by us. */
  readonly ownTables: readonly string[];
  /** Beginning of the comments of our rules in tables of others. */
  readonly ownMark: string;
  /** Must not reject. */
  readonly look: () => Promise<void>;
  /** The table of network policies, which changes with every pod. Only its loss is an event here. */
  readonly policyTable: string;
  /** Compares network policies with the kernel. Must not reject. */
  readonly lookAtPolicies: () => Promise<void>;
}

export class FirewallWatch {
  readonly #looking: PacedTask;
  readonly #lookingAtPolicies: PacedTask;

  constructor(readonly deps: FirewallWatchDeps) {
    this.#looking = new PacedTask(deps.clock, () => deps.look());
    this.#lookingAtPolicies = new PacedTask(deps.clock, () => deps.lookAtPolicies());
  }

  /** A line of the monitor. */
  take(line: string): void {
    const [, verb, kind, table] = LINE.exec(line) ?? [];
    if (verb === undefined) return;
    const isRemoval = verb === 'delete' || verb === 'destroy';
    if (table === this.deps.policyTable) {
      if (isRemoval && kind === 'table') this.#lookingAtPolicies.request();
    } else if (isRemoval || !this.#isByUs(line, table!)) this.#looking.request();
  }

  async stop(): Promise<void> {
    await Promise.all([this.#looking.stop(), this.#lookingAtPolicies.stop()]);
  }

  /** Only of additions: the line of a removed rule does not say what it was. */
  #isByUs(line: string, table: string): boolean {
    return this.deps.ownTables.includes(table) || line.includes(`comment "${this.deps.ownMark}`);
  }
}
