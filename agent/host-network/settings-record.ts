/**
 * Record of the kernel settings of this host that were changed, with the values found, in the state directory. `meshctl uninstall`
 * gives them back. A value is on disk before its setting is changed. Settings do not survive a boot, so the record does not either.
 */
import { Type } from 'typebox';
import { Check } from 'typebox/value';
import { DecodeError } from '../../common/errors.js';
import { bootId } from '../../common/host/boot.js';
import { settingsRecordFile } from '../../common/host/run-files.js';
import type { Disk } from '../../common/storage/disk.js';
import { DurableFile } from '../../common/storage/durable-file.js';
import type { DurableCodec } from '../../common/storage/durable-file.js';

export interface SettingChange {
  /** File under `/proc/sys`. */
  readonly path: string;
  readonly found: string;
  /** A setting that has another value by now was changed by others too, and is left to them. */
  readonly changedTo: string;
  /** Values of settings that the kernel resets when the found value is written. */
  readonly resets: readonly { readonly path: string; readonly value: string }[];
}

/** Changes beyond are refused: settings of interfaces come and go with them. */
const MAX_CHANGES = 1024;

interface BootRecord {
  readonly bootId: string;
  readonly changes: readonly SettingChange[];
}

const RecordSchema = Type.Object({
  bootId: Type.String(),
  changes: Type.Array(
    Type.Object({
      path: Type.String({ pattern: '^/proc/sys/net/' }),
      found: Type.String(),
      changedTo: Type.String(),
      resets: Type.Array(Type.Object({ path: Type.String({ pattern: '^/proc/sys/net/' }), value: Type.String() })),
    }),
  ),
});

const codec: DurableCodec<BootRecord> = {
  kind: 'heddle-host-settings/1',
  encode: (record) => record,
  decode(body) {
    if (!Check(RecordSchema, body)) throw new DecodeError('host settings file: expected a list of changed settings');
    return body;
  },
};

export class SettingsRecord {
  readonly #file: DurableFile<BootRecord>;
  /** Bounded by MAX_CHANGES. Null until it is read. */
  #changes: readonly SettingChange[] | null = null;

  constructor(
    disk: Disk,
    stateDir: string,
    readonly boot: () => string = bootId,
  ) {
    this.#file = new DurableFile(disk, settingsRecordFile({ stateDir }), codec);
  }

  /** In the order in which they were made. Empty after a boot, and when the file is damaged. */
  async changes(): Promise<readonly SettingChange[]> {
    if (this.#changes !== null) return this.#changes;
    const read = await this.#file.read();
    this.#changes = read.kind === 'value' && read.value.bootId === this.boot() ? read.value.changes : [];
    return this.#changes;
  }

  /** Resolves when it is on disk. What was found at the first change counts. Rejects with STORE_FAILED. */
  async add(change: SettingChange): Promise<void> {
    const before = await this.changes();
    if (before.some(({ path }) => path === change.path) || before.length >= MAX_CHANGES) return;
    const changes = [...before, change];
    await this.#file.write({ bootId: this.boot(), changes });
    this.#changes = changes;
  }
}
