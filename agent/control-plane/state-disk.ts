/**
 * Watch of the disk with the node's state: notes whether the last write succeeded, and asks every 5 s whether the directory
 * is writable and has room, so that a full or read-only disk is known before a pod needs it. After a failed write the
 * watch writes again by itself, since a node that is not ready gets no calls that would.
 */
import { constants } from 'node:fs';
import { access, statfs } from 'node:fs/promises';
import { every } from '../../common/clock.js';
import type { Clock } from '../../common/clock.js';
import { messageOf } from '../../common/errors.js';
import type { Disk } from '../../common/storage/disk.js';

const INTERVAL_MS = 5_000;
/** The records of a node with 1023 pods, written beside the old ones before these are removed, take less. */
const MIN_FREE_BYTES = 1 << 20;

export interface StateDiskDeps {
  readonly disk: Disk;
  readonly directory: string;
  /** What is wrong with the directory, or null: {@link directoryProblem}. */
  readonly look: (directory: string) => Promise<string | null>;
  readonly clock: Clock;
}

export class StateDisk {
  /** Writes through this are noted. */
  readonly disk: Disk;
  #failedWrite: string | null = null;
  #found: string | null = null;
  #stopTimer: () => void = () => undefined;
  #looking: Promise<void> = Promise.resolve();
  #rewrite: () => Promise<void> = () => Promise.resolve();
  #onChange: () => void = () => undefined;

  constructor(readonly deps: StateDiskDeps) {
    this.disk = notingWrites(deps.disk, (failure) => this.#note(() => (this.#failedWrite = failure)));
  }

  /** What keeps state from being written, or null. */
  get problem(): string | null {
    return this.#found ?? this.#failedWrite;
  }

  /**
   * Resolves after the first look.
   * @param rewrite writes some state again; may reject
   * @param onChange after every change of {@link problem}
   */
  start(rewrite: () => Promise<void>, onChange: () => void): Promise<void> {
    this.#rewrite = rewrite;
    this.#onChange = onChange;
    this.#stopTimer = every(this.deps.clock, INTERVAL_MS, () => {
      this.#looking = this.#looking.then(() => this.#look());
    });
    this.#looking = this.#look();
    return this.#looking;
  }

  stop(): Promise<void> {
    this.#stopTimer();
    return this.#looking;
  }

  async #look(): Promise<void> {
    const { look, directory } = this.deps;
    const found = await look(directory);
    this.#note(() => (this.#found = found));
    if (found === null && this.#failedWrite !== null) await this.#rewrite().catch(() => undefined); // noted by the disk
  }

  #note(change: () => unknown): void {
    const before = this.problem;
    change();
    if (this.problem !== before) this.#onChange();
  }
}

/** What keeps files in the directory from being written, as the file system tells it without a write; null when nothing does. */
export async function directoryProblem(directory: string): Promise<string | null> {
  try {
    await access(directory, constants.W_OK);
    const { bfree, bsize } = await statfs(directory);
    const freeBytes = bfree * bsize;
    if (freeBytes >= MIN_FREE_BYTES) return null;
    return `${Math.floor(freeBytes / 1024)} KiB are free for ${directory}, ${MIN_FREE_BYTES / 1024} KiB are needed`;
  } catch (thrown) {
    return `${directory} is not writable: ${messageOf(thrown)}`;
  }
}

function notingWrites(disk: Disk, note: (failure: string | null) => void): Disk {
  const noted = async (work: Promise<void>): Promise<void> => {
    try {
      await work;
    } catch (thrown) {
      note(`the last write failed: ${messageOf(thrown)}`);
      throw thrown;
    }
  };
  return {
    read: (path) => disk.read(path),
    writeSynced: (path, bytes, mode) => noted(disk.writeSynced(path, bytes, mode)),
    rename: (from, to) => noted(disk.rename(from, to)),
    // The last step of a replacement: once it succeeds, all have.
    syncDirectory: (path) => noted(disk.syncDirectory(path).then(() => note(null))),
    makeDirectory: (path) => noted(disk.makeDirectory(path)),
    list: (path) => disk.list(path),
    remove: (path) => disk.remove(path),
    describe: (path) => disk.describe(path),
  };
}
