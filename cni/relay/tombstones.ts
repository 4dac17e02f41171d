/**
 * DEL and GC calls that came while no agent ran: the relay answered "done" and left each as a file. Owns replaying and sweeping them.
 * A file holds the relay's request as it would have gone over the socket; the relay names it after the attachment, so
 * that the same DEL twice is one file.
 */
import { join } from 'node:path';
import type { Disk } from '../../common/storage/disk.js';
import { messageOf } from '../../common/errors.js';
import type { Logger } from '../../common/log.js';
import { decodeRelayRequest } from './relay-protocol.js';
import type { CniRequest, CniResponse } from './relay-protocol.js';

const TOMBSTONE = /^(del|gc)-[0-9a-f]{16}$/;
/** What a relay writes before it renames it to its name. */
const UNFINISHED = /^\.tmp-\d+-\d+$/;
/** A relay lives for 10 s at most: what is older was left by one that died while it wrote. */
const UNFINISHED_AFTER_MS = 60_000;
/** Replayed in one go; the rest waits for the next time. */
const MAX_REPLAYED = 4096;

export interface ReplayReport {
  readonly replayed: number;
  /** Kept for the next time. */
  readonly failed: number;
  /** Thrown away: not what a relay writes. */
  readonly refused: number;
}

/**
 * Replays what is in the spool. Attachments younger than a file are not touched by it, see {@link CniService.handle}.
 * @param handle answers one call made at `asOfMs` (wall clock)
 */
export async function replayTombstones(
  disk: Disk,
  directory: string,
  handle: (request: CniRequest, asOfMs: number) => Promise<CniResponse>,
  log: Logger,
): Promise<ReplayReport> {
  const names = (await disk.list(directory)).filter((name) => TOMBSTONE.test(name)).slice(0, MAX_REPLAYED);
  const report = { replayed: 0, failed: 0, refused: 0 };
  for (const name of names) {
    const path = join(directory, name);
    const outcome = await replay(disk, path, handle, log);
    report[outcome]++;
    if (outcome !== 'failed') await disk.remove(path);
  }
  if (names.length > 0) log.info(report, 'calls that came while no agent ran were replayed');
  return report;
}

/** Removes what relays left that died while they wrote. @param wallMs wall-clock time, as of the files */
export async function sweepSpool(disk: Disk, directory: string, wallMs: number): Promise<void> {
  for (const name of (await disk.list(directory)).filter((entry) => UNFINISHED.test(entry))) {
    const path = join(directory, name);
    const modifiedAtMs = (await disk.describe(path))?.modifiedAtMs ?? wallMs;
    if (wallMs - modifiedAtMs >= UNFINISHED_AFTER_MS) await disk.remove(path);
  }
}

async function replay(
  disk: Disk,
  path: string,
  handle: (request: CniRequest, asOfMs: number) => Promise<CniResponse>,
  log: Logger,
): Promise<keyof ReplayReport> {
  const bytes = await disk.read(path);
  const asOfMs = (await disk.describe(path))?.modifiedAtMs ?? -Infinity;
  try {
    const request = decodeRelayRequest(bytes ?? new Uint8Array());
    const command = request.env.get('CNI_COMMAND');
    if (command !== 'DEL' && command !== 'GC') return 'refused';
    return (await handle(request, asOfMs)).exitCode === 0 ? 'replayed' : 'failed';
  } catch (thrown) {
    log.warn({ path, reason: messageOf(thrown) }, 'a file in the spool is not a call and is removed');
    return 'refused';
  }
}
