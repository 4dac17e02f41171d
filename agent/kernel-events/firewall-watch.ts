/**
 * Watch of the host's firewall: reads the kernel's events about nft chains and rules (`kernel-monitor.ts`), which iptables-nft
 * makes too, and asks for a look at the host's network within a second. A reloaded firewall would cut pods off until the
 * periodic look otherwise; that look still finds what legacy iptables does, which has no events.
 */
import type { Clock } from '../../common/clock.js';
import { PacedTask } from './paced-task.js';

/** `add rule inet fw f accept comment "x"`, `delete table inet fw`. Sets and elements of others change nothing for pods. */
const LINE = /^(add|insert|replace|delete|destroy) (?:table|chain|rule) \w+ (\S+)/;

export interface FirewallWatchDeps {
  readonly clock: Clock;
  /** Names of tables of ours: what is added there is by us. */
  readonly ownTables: readonly string[];
  /** Beginning of the comments of our rules in tables of others. */
  readonly ownMark: string;
  /** Must not reject. */
  readonly look: () => Promise<void>;
}

export class FirewallWatch {
  readonly #looking: PacedTask;

  constructor(readonly deps: FirewallWatchDeps) {
    this.#looking = new PacedTask(deps.clock, () => deps.look());
  }

  /** A line of the monitor. */
  take(line: string): void {
    const [, verb, table] = LINE.exec(line) ?? [];
    if (verb === undefined || this.#isOurs(line, verb, table!)) return;
    this.#looking.request();
  }

  stop(): Promise<void> {
    return this.#looking.stop();
  }

  /** A deletion is not: the line does not say what the rule was. */
  #isOurs(line: string, verb: string, table: string): boolean {
    if (verb === 'delete' || verb === 'destroy') return false;
    return this.deps.ownTables.includes(table) || line.includes(`comment "${this.deps.ownMark}`);
  }
}
