/**
 * Fake {@link Disk} in memory that loses power at a chosen step: unsynced content may be missing or truncated, and renames
 * without a later directory sync may or may not have happened.
 */
import type { Disk } from '../storage/disk.js';
import { HeddleError } from '../errors.js';

interface Inode {
  content: Uint8Array;
  synced: boolean;
  mode: number;
}
type Entries = Map<string, Inode>;

export class CrashingDisk implements Disk {
  #entries: Entries = new Map<string, Inode>();
  /** Directory states a crash may fall back to: the last synced one, then one per operation since. */
  #history: Entries[] = [new Map<string, Inode>()];
  #stepsLeft = Infinity;
  #mode: 'crash' | 'fail' = 'crash';
  #down = false;

  /** @param fraction uniform in [0, 1): decides what of the unsynced state survives */
  constructor(readonly fraction: () => number) {}

  /** The `steps`-th step from now does not happen and every later one is refused, until {@link restart}. */
  crashAfter(steps: number): void {
    this.#stepsLeft = steps;
    this.#mode = 'crash';
  }

  /** The `steps`-th step from now is refused, as on a full disk; later ones work. */
  failAfter(steps: number): void {
    this.#stepsLeft = steps;
    this.#mode = 'fail';
  }

  get down(): boolean {
    return this.#down;
  }

  /** Power comes back: what is on disk now is what a crash left. */
  restart(): void {
    const survivor = this.#history[Math.floor(this.fraction() * this.#history.length)]!;
    for (const inode of survivor.values()) {
      if (!inode.synced) inode.content = inode.content.slice(0, Math.floor(this.fraction() * inode.content.length));
    }
    this.#entries = new Map(survivor);
    this.#history = [new Map(survivor)];
    this.#down = false;
    this.#stepsLeft = Infinity;
  }

  /** Changes one byte of a file, as a failing medium would. */
  flipByte(path: string, at: number): void {
    const inode = this.#entries.get(path);
    if (inode === undefined || inode.content.length === 0) return;
    const content = Uint8Array.from(inode.content);
    content[at % content.length]! ^= 1 + Math.floor(this.fraction() * 255);
    inode.content = content;
  }

  paths(): string[] {
    return [...this.#entries.keys()].sort();
  }

  async read(path: string): Promise<Uint8Array | null> {
    await this.#step();
    return this.#entries.get(path)?.content ?? null;
  }

  async writeSynced(path: string, bytes: Uint8Array, mode: number): Promise<void> {
    await this.#step();
    const inode: Inode = { content: new Uint8Array(), synced: false, mode };
    this.#change((entries) => entries.set(path, inode));
    await this.#step();
    inode.content = Uint8Array.from(bytes);
    await this.#step();
    inode.synced = true;
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#step();
    const inode = this.#entries.get(from);
    if (inode === undefined) throw new HeddleError('NOT_FOUND', `${from} does not exist`);
    this.#change((entries) => {
      entries.delete(from);
      entries.set(to, inode);
    });
  }

  async syncDirectory(): Promise<void> {
    await this.#step();
    this.#history = [new Map(this.#entries)];
  }

  async makeDirectory(): Promise<void> {
    await this.#step();
  }

  async list(path: string): Promise<string[]> {
    await this.#step();
    const prefix = `${path}/`;
    return this.paths()
      .filter((name) => name.startsWith(prefix))
      .map((name) => name.slice(prefix.length));
  }

  async remove(path: string): Promise<void> {
    await this.#step();
    this.#change((entries) => entries.delete(path));
  }

  async describe(path: string): Promise<{ mode: number; modifiedAtMs: number } | null> {
    await this.#step();
    const inode = this.#entries.get(path);
    return inode === undefined ? null : { mode: inode.mode, modifiedAtMs: 0 };
  }

  #change(apply: (entries: Entries) => void): void {
    apply(this.#entries);
    this.#history.push(new Map(this.#entries));
  }

  async #step(): Promise<void> {
    await Promise.resolve();
    if (this.#down) throw new HeddleError('STORE_FAILED', 'the disk is down');
    if (--this.#stepsLeft > 0) return;
    this.#stepsLeft = Infinity;
    this.#down = this.#mode === 'crash';
    throw new HeddleError('STORE_FAILED', 'the disk stopped at this step');
  }
}
