/** Formats of figures in tables: ages, sizes, times, shares. `-` stands for unknown. */

export const UNKNOWN = '-';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const YEAR = 365 * DAY;

/** Below `untilMs` an age has `major` units, and `minor` ones where given; as in kubectl. */
const AGE_STEPS: readonly { untilMs: number; major: [number, string]; minor?: [number, string] }[] = [
  { untilMs: 2 * MINUTE, major: [SECOND, 's'] },
  { untilMs: 10 * MINUTE, major: [MINUTE, 'm'], minor: [SECOND, 's'] },
  { untilMs: 3 * HOUR, major: [MINUTE, 'm'] },
  { untilMs: 8 * HOUR, major: [HOUR, 'h'], minor: [MINUTE, 'm'] },
  { untilMs: 2 * DAY, major: [HOUR, 'h'] },
  { untilMs: 8 * DAY, major: [DAY, 'd'], minor: [HOUR, 'h'] },
  { untilMs: 2 * YEAR, major: [DAY, 'd'] },
  { untilMs: 8 * YEAR, major: [YEAR, 'y'], minor: [DAY, 'd'] },
  { untilMs: Infinity, major: [YEAR, 'y'] },
];

/** `90s`, `5m12s`, `47m`, `3h20m`, `12d`; a time in the future (clocks differ) is `0s`. @param time ISO 8601 */
export function formatAge(time: string | null, nowMs: number): string {
  if (time === null) return UNKNOWN;
  const sinceMs = Date.parse(time);
  if (Number.isNaN(sinceMs)) return '<invalid>';
  const ageMs = Math.max(0, nowMs - sinceMs);
  const { major, minor } = AGE_STEPS.find((step) => ageMs < step.untilMs) ?? AGE_STEPS.at(-1)!;
  const whole = `${Math.floor(ageMs / major[0])}${major[1]}`;
  const rest = minor === undefined ? 0 : Math.floor((ageMs % major[0]) / minor[0]);
  return minor === undefined || rest === 0 ? whole : `${whole}${rest}${minor[1]}`;
}

const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];

/** Three significant digits: `0B`, `1023B`, `1.50KiB`, `12.3MiB`, `456GiB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1023.5 && unit < BYTE_UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? Math.round(value) : threeDigits(value)}${BYTE_UNITS[unit] ?? ''}`;
}

/**
 * Whole number. From 2^53 on, where a JavaScript number is not exact, the power of two nearest to it: `2^64`, and `~2^64.3`
 * where it is none.
 */
export function formatCount(count: number): string {
  if (count <= Number.MAX_SAFE_INTEGER) return String(count);
  const exponent = Math.log2(count);
  return Number.isInteger(exponent) ? `2^${exponent}` : `~2^${exponent.toFixed(1)}`;
}

const BIT_UNITS = ['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s', 'Tbit/s'];

/** Three significant digits in decimal units: `0bit/s`, `1.50Mbit/s`. */
export function formatBitRate(bitsPerSecond: number): string {
  const unit = Math.min(BIT_UNITS.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bitsPerSecond)) / 3)));
  const value = bitsPerSecond / 1000 ** unit;
  return `${unit === 0 ? Math.round(value) : threeDigits(value)}${BIT_UNITS[unit] ?? ''}`;
}

/** `0.43ms`, `12.3ms`, `1.20s`. */
export function formatRoundTrip(milliseconds: number | null): string {
  if (milliseconds === null) return UNKNOWN;
  return milliseconds < 999.5 ? `${threeDigits(milliseconds)}ms` : `${threeDigits(milliseconds / 1000)}s`;
}

/** `0%`, `<0.1%`, `1.5%`. @param ratio 0 to 1 */
export function formatShare(ratio: number): string {
  const percent = ratio * 100;
  if (percent > 0 && percent < 0.1) return '<0.1%';
  return `${Number(percent.toFixed(1))}%`;
}

function threeDigits(value: number): string {
  if (value >= 99.95) return value.toFixed(0);
  return value >= 9.995 ? value.toFixed(1) : value.toFixed(2);
}
