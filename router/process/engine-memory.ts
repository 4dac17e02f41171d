/**
 * Speeds of the AEAD engines on this machine, measured by its first router and kept in the run directory for the next ones, whose
 * pods wait. The directory does not outlive a boot, nor does the file another version of Node.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { isRecord } from '../../common/codec/message-shape.js';
import { messageOf } from '../../common/errors.js';
import type { Logger } from '../../common/log.js';
import type { EngineSpeeds } from '../aead/selection.js';

/** Empty when nothing usable is there. */
export function recallSpeeds(path: string, version = process.version): EngineSpeeds {
  try {
    const kept: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return isRecord(kept) && kept['node'] === version && areSpeeds(kept['speeds']) ? kept['speeds'] : {};
  } catch {
    // Measured anew.
    return {};
  }
}

export function keepSpeeds(path: string, speeds: EngineSpeeds, log: Logger, version = process.version): void {
  try {
    writeFileSync(path, JSON.stringify({ node: version, speeds }), { mode: 0o600 });
  } catch (thrown) {
    log.warn(
      { path, error: messageOf(thrown) },
      'speeds of the AEAD engines are not kept: each router measures them anew',
    );
  }
}

function areSpeeds(value: unknown): value is EngineSpeeds {
  return isRecord(value) && Object.values(value).every((speed) => typeof speed === 'number' && speed > 0);
}
