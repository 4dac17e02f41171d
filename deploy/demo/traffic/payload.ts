/**
 * Payload of transfers between pods: reproducible noise with a marker every {@link MARKER_PERIOD_BYTES} bytes, by which
 * plain text is recognised in a capture.
 */
import { createHash } from 'node:crypto';

export const MARKER = Buffer.from('HEDDLE-POD-PLAINTEXT-MARK');
/** At most 16 bytes, as `ping -p` takes them. */
export const PING_PATTERN = MARKER.subarray(0, 16);

export const BLOCK_BYTES = 1 << 20;
export const MARKER_PERIOD_BYTES = 64;

/** One block, always the same. The sender writes its position into the first 8 bytes. */
export function makeBlock(): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  let noise = createHash('sha512').update(MARKER).digest();
  for (let at = 0; at < BLOCK_BYTES; at += MARKER_PERIOD_BYTES) {
    noise.copy(block, at);
    MARKER.copy(block, at + MARKER_PERIOD_BYTES - MARKER.length);
    if (at % (MARKER_PERIOD_BYTES * 1024) === 0) noise = createHash('sha512').update(noise).digest();
  }
  return block;
}
