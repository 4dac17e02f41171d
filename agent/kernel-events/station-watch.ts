/**
 * Watch of interfaces in other namespaces, by the kernel's events (`kernel-monitor.ts`), which it reports of all namespaces that
 * have an identifier here, as those of pods have. It tells of a new MAC at once; the reconciler of pods finds what it misses.
 * A change that a pod repeats is passed on once a round, so that it costs the agent little.
 */
import type { Clock } from '../../common/clock.js';
import type { Station } from '../../cni/index.js';

/** Between two rounds. */
const ROUND_MS = 250;
/** Stations that wait for a round; the reconciler finds the others. */
const MAX_PENDING = 1024;

export interface StationWatchDeps {
  readonly clock: Clock;
  /** Must not reject. */
  readonly changed: (station: Station) => Promise<void>;
}

export class StationWatch {
  /** The latest of each interface. Bounded by MAX_PENDING. */
  readonly #pending = new Map<string, Station>();
  #round: Promise<void> | null = null;
  #stopped = false;

  constructor(readonly deps: StationWatchDeps) {}

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#round;
  }

  /** A line of the monitor. */
  take(line: string): void {
    const station = parseStation(line);
    if (station === null || this.#stopped) return;
    const key = `${station.netnsId} ${station.index}`;
    if (this.#pending.size >= MAX_PENDING && !this.#pending.has(key)) return;
    this.#pending.set(key, station);
    this.#round ??= this.#runRounds();
  }

  async #runRounds(): Promise<void> {
    while (this.#pending.size > 0 && !this.#stopped) {
      const stations = [...this.#pending.values()];
      this.#pending.clear();
      for (const station of stations) await this.deps.changed(station);
      await new Promise<void>((resolve) => {
        this.deps.clock.after(ROUND_MS, resolve);
      });
    }
    this.#round = null;
  }
}

/**
 * `[nsid 0]2: eth0@if9: <BROADCAST,UP> ... link/ether 02:00:00:00:00:07 brd ...`, as `ip -oneline monitor` prints it. An interface
 * `eth0@NONE` is deleted just then.
 */
function parseStation(line: string): Station | null {
  const [, netnsId, index, mac] = /^\[nsid (\d+)\](\d+): (?!\S+@NONE:).* link\/ether ([0-9a-f:]{17}) /.exec(line) ?? [];
  if (netnsId === undefined || index === undefined || mac === undefined) return null;
  return { netnsId: Number(netnsId), index: Number(index), mac };
}
