/** Boot of this machine: its id, and the time since it on the clock that all processes of one boot share. */
import { readFileSync } from 'node:fs';

/** Random, new at every boot. */
export function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}

/** Milliseconds of CLOCK_MONOTONIC: comparable between processes of one boot, and not counting time in suspend. */
export function sinceBootMs(): number {
  return Number(process.hrtime.bigint() / 1000n) / 1000;
}
