/**
 * Cache on disk of the adverts of all known members and of the stamps of initiations. After a cold start the node knows its
 * peers and the owner of every pod CIDR before the first answer, and answers no initiation that was recorded before. A damaged
 * or missing file costs a few seconds. Adverts are signed, so the file needs no trust.
 */
import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { DurableFile } from '../../common/storage/durable-file.js';
import type { DurableCodec } from '../../common/storage/durable-file.js';
import type { Disk } from '../../common/storage/disk.js';
import { DecodeError, messageOf } from '../../common/errors.js';
import type { Logger } from '../../common/log.js';
import type { NodeId } from '../../common/node-id.js';
import type { Clock } from '../../common/clock.js';
import type { KeptStamps } from '../../mesh/index.js';

/** Changes come in bursts when nodes join; one write carries them all. */
const WRITE_DELAY_MS = 1_000;
/** Members of the largest cluster, see `mesh/limits.ts`. */
const MAX_ADVERTS = 8_192;

/** What is kept of the mesh core. */
export interface KnownMembers {
  readonly adverts: readonly Uint8Array[];
  readonly stamps: KeptStamps;
}

export const NO_MEMBERS: KnownMembers = { adverts: [], stamps: { own: 0, accepted: [], firstHeard: [] } };

const Stamp = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const NodeIdText = Type.String({ pattern: '^[0-9a-f]{32}$' });
const ByMember = Type.Array(Type.Tuple([NodeIdText, Stamp]), {
  maxItems: MAX_ADVERTS,
});
const Body = Compile(
  Type.Object({
    adverts: Type.Array(Type.String(), { maxItems: MAX_ADVERTS }),
    ownStamp: Stamp,
    acceptedStamps: ByMember,
    firstHeard: ByMember,
    // Since version 0.3.
    revocations: Type.Optional(Type.Array(Type.String(), { maxItems: MAX_ADVERTS })),
    left: Type.Optional(Type.Array(NodeIdText, { maxItems: MAX_ADVERTS })),
  }),
);

const codec: DurableCodec<KnownMembers> = {
  kind: 'heddle-adverts-2',
  encode: ({ adverts, stamps }) => ({
    adverts: adverts.map(toBase64),
    ownStamp: stamps.own,
    acceptedStamps: stamps.accepted,
    firstHeard: stamps.firstHeard,
    revocations: (stamps.revocations ?? []).map(toBase64),
    left: stamps.left ?? [],
  }),
  decode(body) {
    if (!Body.Check(body)) throw new DecodeError('not adverts and stamps');
    return {
      adverts: body.adverts.map(fromBase64),
      stamps: {
        own: body.ownStamp,
        accepted: byMember(body.acceptedStamps),
        firstHeard: byMember(body.firstHeard),
        revocations: (body.revocations ?? []).map(fromBase64),
        left: (body.left ?? []).map((id) => id as NodeId),
      },
    };
  },
};

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

function fromBase64(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'base64'));
}

function byMember(entries: readonly (readonly [string, number])[]): [NodeId, number][] {
  return entries.map(([id, value]) => [id as NodeId, value]);
}

export interface AdvertCacheOptions {
  readonly disk: Disk;
  readonly path: string;
  readonly clock: Clock;
  readonly log: Logger;
}

export class AdvertCache {
  readonly #file: DurableFile<KnownMembers>;
  #pending: (() => KnownMembers) | null = null;
  #cancelTimer: () => void = () => undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(readonly options: AdvertCacheOptions) {
    this.#file = new DurableFile(options.disk, options.path, codec);
  }

  /** What was last written; empty when there is nothing or nothing usable. */
  async load(): Promise<KnownMembers> {
    const read = await this.#file.read();
    if (read.kind === 'corrupt')
      this.options.log.warn({ reason: read.reason }, 'the advert cache was damaged; starting without');
    return read.kind === 'value' ? read.value : NO_MEMBERS;
  }

  /** Writes what `known` gives, a little later. */
  changed(known: () => KnownMembers): void {
    const waiting = this.#pending !== null;
    this.#pending = known;
    if (!waiting) this.#cancelTimer = this.options.clock.after(WRITE_DELAY_MS, () => void this.flush());
  }

  /** Writes what is waiting. Resolves when it is on disk or has failed with a line in the log. */
  flush(): Promise<void> {
    this.#cancelTimer();
    const known = this.#pending;
    this.#pending = null;
    if (known !== null) this.#writing = this.#writing.then(() => this.#write(known()));
    return this.#writing;
  }

  async #write({ adverts, stamps }: KnownMembers): Promise<void> {
    try {
      await this.#file.write({ adverts: adverts.slice(0, MAX_ADVERTS), stamps });
    } catch (thrown) {
      this.options.log.warn({ error: messageOf(thrown) }, 'the advert cache could not be written');
    }
  }
}
