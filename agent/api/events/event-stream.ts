/**
 * Text of server-sent events (HTML standard, section 9.2): what one event, one comment and the opening of a stream look
 * like on the wire. Not here: who gets them and when (`event-feed.ts`).
 *
 *   retry: 2000\n\n          once, at the start
 *   id: 7\nevent: topology\ndata: {...}\n\n
 *   : heartbeat\n\n          a comment, ignored by clients
 */
import type { ServerEvents } from '../../../common/api.js';

/** How long a browser waits before it connects again. */
const RETRY_MS = 2_000;

export const STREAM_OPENING = `retry: ${RETRY_MS}\n\n`;
export const STREAM_HEARTBEAT = ': heartbeat\n\n';

/** @param json one line, as `JSON.stringify` makes it without indentation */
export function encodeEvent(id: number, event: keyof ServerEvents, json: string): string {
  return `id: ${id}\nevent: ${event}\ndata: ${json}\n\n`;
}
