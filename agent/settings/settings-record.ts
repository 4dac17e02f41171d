/** Record of the settings in force, in the state directory, for a start while the present ones are refused. */
import { messageOf } from '../../common/errors.js';
import { trustedKeysRecordFile } from '../../common/host/run-files.js';
import type { Logger } from '../../common/log.js';
import { PRIVATE_FILE_MODE, replaceFile } from '../../common/storage/disk.js';
import type { Disk } from '../../common/storage/disk.js';
import { keepConfigRecord } from '../config/config-record.js';
import type { NodeSettings } from './node-settings.js';
import { formatTrustedKeys } from './trusted-keys.js';

/** A node works without it. */
export async function recordSettings(
  disk: Disk,
  { config, trustedKeys }: Pick<NodeSettings, 'config' | 'trustedKeys'>,
  log: Logger,
): Promise<void> {
  try {
    await keepConfigRecord(disk, config);
    if (config.trust !== 'keys') return;
    await replaceFile(
      disk,
      trustedKeysRecordFile(config),
      Buffer.from(formatTrustedKeys(trustedKeys)),
      PRIVATE_FILE_MODE,
    );
  } catch (thrown) {
    log.warn({ error: messageOf(thrown) }, 'the settings could not be recorded');
  }
}
