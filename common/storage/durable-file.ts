/**
 * Durable file: one value as JSON with a checksum. A file that differs from what was written (truncated, a byte flipped,
 * edited by hand) is copied to `NAME.corrupt-<n>`, where the disk takes it, and reported to the caller, who rebuilds the value. The
 * damaged file stays until the next write, so that a crash in between is not taken for a first start. A file of a later version of
 * Heddle is treated in the same way, and the reason says so. One writer per file.
 *
 * ```
 * {"kind":"<kind>","sha256":"<hex of the JSON text of body>","body":<value>}\n
 * ```
 */
import { createHash } from 'node:crypto';
import { dirname } from 'node:path';
import { PRIVATE_FILE_MODE, replaceFile } from './disk.js';
import type { Disk } from './disk.js';
import { DecodeError, messageOf } from '../errors.js';
import type { Logger } from '../log.js';

/** Bound on kept copies; the last one is overwritten. */
const MAX_CORRUPT_FILES = 8;

/** Conversion of a value to JSON and back. */
export interface DurableCodec<T> {
  /** Name and version of the content, part of the file. */
  readonly kind: string;
  /** Plain JSON that survives a round trip: objects with fixed keys, arrays, strings, finite numbers, booleans, null. */
  encode(value: T): unknown;
  /** Throws a HeddleError on a shape that `encode` never made. */
  decode(body: unknown): T;
}

export type DurableRead<T> =
  | { readonly kind: 'absent' }
  | { readonly kind: 'value'; readonly value: T }
  /** `keptAs` is null when the disk takes no copy. */
  | { readonly kind: 'corrupt'; readonly reason: string; readonly keptAs: string | null };

export class DurableFile<T> {
  constructor(
    readonly disk: Disk,
    /** Absolute. The directory is made when missing. */
    readonly path: string,
    readonly codec: DurableCodec<T>,
  ) {}

  /** The last written value. Rejects only when the disk cannot be read. */
  async read(): Promise<DurableRead<T>> {
    const bytes = await this.disk.read(this.path);
    if (bytes === null) return { kind: 'absent' };
    try {
      return { kind: 'value', value: this.#decode(bytes) };
    } catch (thrown) {
      return { kind: 'corrupt', ...(await this.#keepAside(bytes, messageOf(thrown))) };
    }
  }

  /** As {@link read}; null without a value. That it was damaged is logged with the sentence `whenDamaged`. */
  async readOrNull(log: Logger, whenDamaged: string): Promise<T | null> {
    const read = await this.read();
    if (read.kind === 'corrupt') log.warn(read, whenDamaged);
    return read.kind === 'value' ? read.value : null;
  }

  /** Resolves when the value survives a crash. Rejects with STORE_FAILED; then the file holds the old value or this. */
  async write(value: T): Promise<void> {
    const text = durableText(this.codec.kind, this.codec.encode(value));
    await this.disk.makeDirectory(dirname(this.path));
    await replaceFile(this.disk, this.path, Buffer.from(text), PRIVATE_FILE_MODE);
  }

  #decode(bytes: Uint8Array): T {
    const text = Buffer.from(bytes).toString('utf8');
    const { kind, body } = contentOf(text);
    if (isLater(kind, this.codec.kind)) {
      throw new DecodeError(
        `format ${kind} is of a later version of Heddle, this one reads ${this.codec.kind}: use the copy with that version`,
      );
    }
    if (!Buffer.from(durableText(this.codec.kind, body)).equals(bytes)) {
      throw new DecodeError(`checksum or kind differs, expected "${this.codec.kind}"`);
    }
    return this.codec.decode(body);
  }

  /** A full disk keeps nobody from going on without the file. */
  async #keepAside(bytes: Uint8Array, damage: string): Promise<{ reason: string; keptAs: string | null }> {
    let keptAs = '';
    for (let n = 1; n <= MAX_CORRUPT_FILES; n++) {
      keptAs = `${this.path}.corrupt-${n}`;
      if ((await this.disk.describe(keptAs)) === null) break;
    }
    try {
      await this.disk.writeSynced(keptAs, bytes, PRIVATE_FILE_MODE);
      return { reason: damage, keptAs };
    } catch (thrown) {
      await this.disk.remove(keptAs).catch(() => undefined); // what there is of it
      return { reason: `${damage}; no copy is kept: ${messageOf(thrown)}`, keptAs: null };
    }
  }
}

function durableText(kind: string, body: unknown): string {
  const bodyText = JSON.stringify(body);
  const sha256 = createHash('sha256').update(bodyText).digest('hex');
  return `{"kind":${JSON.stringify(kind)},"sha256":"${sha256}","body":${bodyText}}\n`;
}

/** Whether both name one content, and `found` a higher version of it. The number behind the last `/` or `-` is the version. */
function isLater(found: unknown, known: string): found is string {
  if (typeof found !== 'string') return false;
  const [, name, version] = /^(.*[/-])(\d{1,9})$/.exec(found) ?? [];
  const [, knownName, knownVersion] = /^(.*[/-])(\d{1,9})$/.exec(known) ?? [];
  return name === knownName && Number(version) > Number(knownVersion);
}

function contentOf(text: string): { readonly kind: unknown; readonly body: unknown } {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new DecodeError(`${text.length} characters are not JSON`);
  }
  if (typeof parsed !== 'object' || parsed === null || !('body' in parsed) || parsed.body === undefined) {
    throw new DecodeError('"body" is missing');
  }
  return { kind: 'kind' in parsed ? parsed.kind : undefined, body: parsed.body };
}
