/** Formats of numbers, durations and counts for people: three significant digits, usual units. Pure. */

const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;
const BIT_RATE_UNITS = ['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s', 'Tbit/s'] as const;

/** Text for an unknown value. */
export const UNKNOWN = '–';

function scaled(value: number, base: number, units: readonly string[]): string {
  let rest = Math.max(0, value);
  let step = 0;
  // 999.5 would be 1000 of this unit; it is shown as 1.00 of the next.
  while (rest >= base * 0.9995 && step < units.length - 1) {
    rest /= base;
    step += 1;
  }
  return `${step === 0 ? Math.round(rest) : significant(rest)} ${units[step] ?? ''}`;
}

function significant(value: number): string {
  if (value >= 99.95) return value.toFixed(0);
  return value >= 9.995 ? value.toFixed(1) : value.toFixed(2);
}

export function formatBytes(bytes: number): string {
  return scaled(bytes, 1024, BYTE_UNITS);
}

export function formatBitRate(bitsPerSecond: number): string {
  return scaled(bitsPerSecond, 1000, BIT_RATE_UNITS);
}

/** Round-trip times: microseconds below 0.1 ms, seconds from one on. */
export function formatMs(ms: number | null): string {
  if (ms === null) return UNKNOWN;
  if (ms < 0.1) return `${Math.round(ms * 1000)} µs`;
  return ms < 1000 ? `${significant(ms)} ms` : `${significant(ms / 1000)} s`;
}

/** @param ratio 0 to 1 */
export function formatRatio(ratio: number): string {
  if (ratio === 0) return '0 %';
  if (ratio < 0.0005) return '< 0.1 %';
  return `${(ratio * 100).toFixed(ratio < 0.1 ? 1 : 0)} %`;
}

export function formatCount(count: number | null): string {
  if (count === null) return UNKNOWN;
  // From here on a double is not exact: an IPv6 pool of 2^64 addresses.
  return count > Number.MAX_SAFE_INTEGER ? `2^${Number(Math.log2(count).toFixed(1))}` : count.toLocaleString('en');
}

const DURATIONS = [
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
  ['s', 1],
] as const;

/** The two largest units: `3 d 4 h`, `2 min 5 s`. */
export function formatDuration(ms: number): string {
  let rest = Math.max(0, Math.floor(ms / 1000));
  const parts: string[] = [];
  for (const [unit, seconds] of DURATIONS) {
    const count = Math.floor(rest / seconds);
    rest -= count * seconds;
    if (count > 0) parts.push(`${count} ${unit}`);
    else if (parts.length > 0) break;
    if (parts.length === 2) break;
  }
  return parts.length === 0 ? '0 s' : parts.join(' ');
}

/** @param since ISO time, or null for never */
export function formatAgo(since: string | null, nowMs: number): string {
  return since === null ? 'never' : `${formatDuration(nowMs - Date.parse(since))} ago`;
}

export function formatClock(ms: number): string {
  return new Date(ms).toLocaleTimeString('en-GB');
}

export function shorten(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}

export function plural(count: number | null, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;
}
