/**
 * The settings in force, as one value that the node's parts follow. Sources are read again when they change, on request
 * (SIGHUP) and every two seconds. New settings are taken as a whole or refused as a whole; refused ones are named until
 * they are mended, and the settings before stay in force.
 *
 * ```
 *  read ---problem---> refused, settings before stay
 *    | differ
 *  prepare ---fails---> not applied, tried again with the next reading
 *    |
 *  in force -> applied
 * ```
 */
import type { Clock } from '../../common/clock.js';
import { every } from '../../common/clock.js';
import { CoalescedTask } from '../../common/coalesced-task.js';
import type { Config } from '../../common/config.js';
import { ConfigError, messageOf } from '../../common/errors.js';
import type { NoticeLog } from '../../common/notice-log.js';
import { changedSettings, sameSettings } from './node-settings.js';
import type { NodeSettings } from './node-settings.js';
import type { SettingsReader, SettingsReading } from './settings-reader.js';
import type { SettingsSource } from './settings-source.js';

/** A node that is taken off the list of keys is cut off with the next reading. */
const READ_INTERVAL_MS = 2_000;

export interface SettingsKeeperDeps {
  readonly reader: Pick<SettingsReader, 'read' | 'readEarlier'>;
  readonly sources: readonly SettingsSource[];
  /** The configuration that was in force last, for a start while the present one is refused; null when there is none. */
  readonly lastInForce: () => Config | null;
  readonly clock: Clock;
  readonly notices: NoticeLog;
}

export interface SettingsFollower {
  /** Does what may fail. After a rejection the settings before stay in force, and the next reading tries again. */
  prepare(next: NodeSettings): Promise<void>;
  /** The settings are in force: {@link SettingsKeeper.current} gives them. */
  applied(): void;
}

/** What people should know of the settings. */
export interface SettingsReport {
  /** Why the settings that were read last are not in force, or null. */
  readonly refused: string | null;
  /** Settings that wait for a restart, in words. */
  readonly needsRestart: readonly string[];
  /** What a source still waits for, in words, or null. */
  readonly waitingFor: string | null;
}

export class SettingsKeeper {
  #current: NodeSettings;
  #report: SettingsReport;
  #follower: SettingsFollower | null = null;
  readonly #cancels: (() => void)[] = [];
  readonly #reading = new CoalescedTask(() => this.#read());

  private constructor(
    readonly deps: SettingsKeeperDeps,
    first: SettingsReading,
    refused: string | null,
  ) {
    this.#current = first.settings;
    this.#report = reportOf(first, refused);
  }

  /**
   * Reads the settings for the first time. While the present ones are refused, those that were in force last are used.
   * Rejects with ConfigError when there are none either.
   */
  static async open(deps: SettingsKeeperDeps): Promise<SettingsKeeper> {
    try {
      const reading = await deps.reader.read();
      if (reading.warning !== null) deps.notices.log.warn(reading.warning);
      return new SettingsKeeper(deps, reading, null);
    } catch (thrown) {
      const earlier = thrown instanceof ConfigError ? deps.lastInForce() : null;
      if (earlier === null) throw thrown;
      const keeper = new SettingsKeeper(deps, await deps.reader.readEarlier(earlier), messageOf(thrown));
      keeper.#noticeRefusal();
      return keeper;
    }
  }

  get current(): NodeSettings {
    return this.#current;
  }

  get report(): SettingsReport {
    return this.#report;
  }

  /** From now on changes are followed. */
  start(follower: SettingsFollower): void {
    this.#follower = follower;
    this.#cancels.push(every(this.deps.clock, READ_INTERVAL_MS, () => void this.reload()));
    for (const source of this.deps.sources) this.#cancels.push(source.onChange(() => void this.reload()));
  }

  /** Reads all sources now. Resolves when the new settings are in force or refused. */
  reload(): Promise<void> {
    return this.#reading.run();
  }

  async stop(): Promise<void> {
    for (const cancel of this.#cancels) cancel();
    await this.#reading.idle();
  }

  async #read(): Promise<void> {
    try {
      const reading = await this.deps.reader.read();
      if (!sameSettings(reading.settings, this.#current)) await this.#apply(reading.settings);
      this.#settle(reportOf(reading, null));
    } catch (thrown) {
      this.#settle({ ...this.#report, refused: messageOf(thrown) });
    }
  }

  async #apply(next: NodeSettings): Promise<void> {
    await this.#follower?.prepare(next);
    const changed = changedSettings(this.#current, next);
    this.#current = next;
    this.deps.notices.log.info({ changed }, 'settings changed');
    this.#follower?.applied();
  }

  #settle(report: SettingsReport): void {
    const before = this.#report;
    this.#report = report;
    if (report.refused !== null) this.#noticeRefusal();
    else this.deps.notices.clear('settings');
    if (report.needsRestart.join() !== before.needsRestart.join() && report.needsRestart.length > 0) {
      this.deps.notices.log.warn(
        { settings: report.needsRestart },
        'settings that take effect when meshd is restarted',
      );
    }
    if (JSON.stringify(report) !== JSON.stringify(before)) this.#follower?.applied();
  }

  #noticeRefusal(): void {
    const fields = { reason: this.#report.refused };
    this.deps.notices.write('error', 'settings are refused; those before stay in force', fields, 'settings');
  }
}

function reportOf({ needsRestart, waitingFor }: SettingsReading, refused: string | null): SettingsReport {
  return { refused, needsRestart, waitingFor };
}
