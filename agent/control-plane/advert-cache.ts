/**
 * Cache on disk of the adverts of all known members: after a cold start the node knows its peers and the owner of every
 * pod CIDR before the first answer. A damaged or missing file costs a few seconds. Adverts are signed, so the file needs
 * no trust.
 */
import { DurableFile } from '../../common/storage/durable-file.js';
import type { DurableCodec } from '../../common/storage/durable-file.js';
import type { Disk } from '../../common/storage/disk.js';
import { DecodeError, messageOf } from '../../common/errors.js';
import type { Logger } from '../../common/log.js';
import type { Clock } from '../../common/clock.js';

/** Changes come in bursts when nodes join; one write carries them all. */
const WRITE_DELAY_MS = 1_000;
/** Members of the largest cluster, see `mesh/limits.ts`. */
const MAX_ADVERTS = 8_192;

const codec: DurableCodec<readonly Uint8Array[]> = {
  kind: 'heddle-adverts-1',
  encode: (adverts) => adverts.map((advert) => Buffer.from(advert).toString('base64')),
  decode(body) {
    if (!Array.isArray(body) || body.length > MAX_ADVERTS || !body.every((entry) => typeof entry === 'string')) {
      throw new DecodeError('not a list of adverts');
    }
    return body.map((entry: string) => new Uint8Array(Buffer.from(entry, 'base64')));
  },
};

export interface AdvertCacheOptions {
  readonly disk: Disk;
  readonly path: string;
  readonly clock: Clock;
  readonly log: Logger;
}

export class AdvertCache {
  readonly #file: DurableFile<readonly Uint8Array[]>;
  #pending: (() => readonly Uint8Array[]) | null = null;
  #cancelTimer: () => void = () => undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(readonly options: AdvertCacheOptions) {
    this.#file = new DurableFile(options.disk, options.path, codec);
  }

  /** What was last written; empty when there is nothing or nothing usable. */
  async load(): Promise<readonly Uint8Array[]> {
    const read = await this.#file.read();
    if (read.kind === 'corrupt')
      this.options.log.warn({ reason: read.reason }, 'the advert cache was damaged; starting without');
    return read.kind === 'value' ? read.value : [];
  }

  /** Writes what `adverts` gives, a little later. */
  changed(adverts: () => readonly Uint8Array[]): void {
    const waiting = this.#pending !== null;
    this.#pending = adverts;
    if (!waiting) this.#cancelTimer = this.options.clock.after(WRITE_DELAY_MS, () => void this.flush());
  }

  /** Writes what is waiting. Resolves when it is on disk or has failed with a line in the log. */
  flush(): Promise<void> {
    this.#cancelTimer();
    const adverts = this.#pending;
    this.#pending = null;
    if (adverts !== null) this.#writing = this.#writing.then(() => this.#write(adverts()));
    return this.#writing;
  }

  async #write(adverts: readonly Uint8Array[]): Promise<void> {
    try {
      await this.#file.write(adverts.slice(0, MAX_ADVERTS));
    } catch (thrown) {
      this.options.log.warn({ error: messageOf(thrown) }, 'the advert cache could not be written');
    }
  }
}
