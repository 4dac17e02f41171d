/**
 * Speed of an AEAD engine: the time to seal units of a bulk stream with AES-256-GCM, measured on this machine for a few
 * milliseconds.
 */
import { TYPE_DATA } from '../../common/wire/datagram-header.js';
import { SALT_BYTES, TAG_BYTES } from '../../common/wire/sealed-unit.js';
import type { Arena } from '../kernel/arena.js';
import type { AeadEngine } from './aead.js';
import { KEY_BYTES } from './aead.js';

const UNIT_BYTES = 32 << 10;
/** Seals before the measurement: they compile the call and fill the caches. */
const WARM_UP_SEALS = 20;
const SEALS_PER_SAMPLE = 5;
const SAMPLES = 10;

/** Nanoseconds to seal 1024 bytes: the least of {@link SAMPLES} samples, as others may use the processor meanwhile. */
export function sealNsPerKiB(engine: AeadEngine, arena: Arena): number {
  const unit = arena.allocate(8 + UNIT_BYTES + TAG_BYTES) + 8;
  const sealing = engine.sealingKey('aes-256-gcm', new Uint8Array(KEY_BYTES), new Uint8Array(SALT_BYTES));
  const binding = { counter: 0, type: TYPE_DATA, lane: 0, fragments: 1 };
  const sealTimes = (times: number): void => {
    for (let i = 0; i < times; i++, binding.counter++) sealing.seal(unit, UNIT_BYTES, binding);
  };
  sealTimes(WARM_UP_SEALS);
  let leastNs = Infinity;
  for (let sample = 0; sample < SAMPLES; sample++) {
    const begin = process.hrtime.bigint();
    sealTimes(SEALS_PER_SAMPLE);
    leastNs = Math.min(leastNs, Number(process.hrtime.bigint() - begin));
  }
  sealing.destroy();
  return leastNs / SEALS_PER_SAMPLE / (UNIT_BYTES / 1024);
}
