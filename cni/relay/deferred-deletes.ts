/**
 * Replay of deferred deletes: DEL and GC calls that the relay answered with success while no agent ran, one file each.
 * A file holds the request as the relay would have sent it over the socket. Its name holds a hash of the attachment, so
 * a repeated DEL overwrites its own file. Also removes the unfinished files of relays that died while writing.
 */
import { join } from 'node:path';
import type { Disk } from '../../common/storage/disk.js';
import { messageOf } from '../../common/errors.js';
import type { Logger } from '../../common/log.js';
import { decodeRelayRequest } from './relay-protocol.js';
import type { CniRequest, CniResponse } from './relay-protocol.js';

const FILE_NAME = /^(del|gc)-[0-9a-f]{16}$/;
/** A relay writes under this name, then renames. */
const UNFINISHED = /^\.tmp-\d+-\d+$/;
/** A relay runs for 10 s at most, so its unfinished file is abandoned after that. */
const UNFINISHED_AFTER_MS = 60_000;
/** Files per directory in one replay; the next replay takes the rest. */
const MAX_REPLAYED = 4096;

/** Answers one call that was made at `asOfMs` (wall clock). Attachments younger than that are not touched. */
export type HandleDeferred = (request: CniRequest, asOfMs: number) => Promise<CniResponse>;

export interface ReplayReport {
  readonly replayed: number;
  /** Kept for the next replay. */
  readonly failed: number;
  /** Removed: the content is not a DEL or GC request. */
  readonly refused: number;
}

/** Replays every file of the directories; a directory may be missing. */
export async function replayDeferredDeletes(
  disk: Disk,
  directories: readonly string[],
  handle: HandleDeferred,
  log: Logger,
): Promise<ReplayReport> {
  const report = { replayed: 0, failed: 0, refused: 0 };
  const paths = (await Promise.all(directories.map((directory) => deferredFiles(disk, directory)))).flat();
  for (const path of paths) {
    const outcome = await replay(disk, path, handle, log);
    report[outcome]++;
    if (outcome !== 'failed') await disk.remove(path);
  }
  if (paths.length > 0) log.info(report, 'deferred DEL and GC calls replayed');
  return report;
}

/** Removes abandoned unfinished files. @param wallMs wall-clock time, as of the files */
export async function sweepDeferredDeletes(disk: Disk, directory: string, wallMs: number): Promise<void> {
  for (const name of (await disk.list(directory)).filter((entry) => UNFINISHED.test(entry))) {
    const path = join(directory, name);
    const modifiedAtMs = (await disk.describe(path))?.modifiedAtMs ?? wallMs;
    if (wallMs - modifiedAtMs >= UNFINISHED_AFTER_MS) await disk.remove(path);
  }
}

async function deferredFiles(disk: Disk, directory: string): Promise<readonly string[]> {
  const names = (await disk.list(directory)).filter((name) => FILE_NAME.test(name)).slice(0, MAX_REPLAYED);
  return names.map((name) => join(directory, name));
}

async function replay(disk: Disk, path: string, handle: HandleDeferred, log: Logger): Promise<keyof ReplayReport> {
  const bytes = await disk.read(path);
  const asOfMs = (await disk.describe(path))?.modifiedAtMs ?? -Infinity;
  try {
    const request = decodeRelayRequest(bytes ?? new Uint8Array());
    const command = request.env.get('CNI_COMMAND');
    if (command !== 'DEL' && command !== 'GC') return 'refused';
    return (await handle(request, asOfMs)).exitCode === 0 ? 'replayed' : 'failed';
  } catch (thrown) {
    log.warn({ path, reason: messageOf(thrown) }, 'deferred call removed: the file is not a DEL or GC request');
    return 'refused';
  }
}
