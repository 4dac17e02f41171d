import { describe, expect, it } from '@jest/globals';
import { ago, NOW } from '../testing/fake-agent.js';
import { formatAge, formatBitRate, formatBytes, formatCount, formatRoundTrip, formatShare } from './figures.js';

const DAY = 86_400;

describe('figures', () => {
  it('prints bit rates in decimal units', () => {
    expect([0, 999, 1_500_000, 2.5e9].map(formatBitRate)).toEqual(['0bit/s', '999bit/s', '1.50Mbit/s', '2.50Gbit/s']);
  });

  it('prints counts exactly, and those that no double holds as powers of two', () => {
    expect([253, 65_533, 2 ** 53 - 1].map(formatCount)).toEqual(['253', '65533', '9007199254740991']);
    expect([2 ** 64, 3 * 2 ** 62].map(formatCount)).toEqual(['2^64', '~2^63.6']);
  });

  it.each([
    ...([
      [0, '0s'],
      [90, '90s'],
      [119, '119s'],
      [120, '2m'],
      [312, '5m12s'],
      [600, '10m'],
      [7_200, '120m'],
    ] as const),
    ...([
      [3 * 3_600, '3h'],
      [3 * 3_600 + 1_260, '3h21m'],
      [9 * 3_600, '9h'],
      [47 * 3_600, '47h'],
      [2 * DAY, '2d'],
    ] as const),
    ...([
      [3 * DAY + 3_600, '3d1h'],
      [100 * DAY, '100d'],
      [730 * DAY, '2y'],
      [800 * DAY, '2y70d'],
      [4_000 * DAY, '10y'],
    ] as const),
  ])('show an age of %d s as %s', (seconds, text) => {
    expect(formatAge(ago(seconds), Date.parse(NOW))).toBe(text);
  });

  it('show times that are missing, in the future, or invalid', () => {
    expect(formatAge(null, Date.parse(NOW))).toBe('-');
    expect(formatAge(ago(-5), Date.parse(NOW))).toBe('0s');
    expect(formatAge('yesterday', Date.parse(NOW))).toBe('<invalid>');
  });

  it.each([
    ...([
      [0, '0B'],
      [1023, '1023B'],
      [1024, '1.00KiB'],
      [1536, '1.50KiB'],
      [10_240, '10.0KiB'],
    ] as const),
    ...([
      [102_400, '100KiB'],
      [1_048_575, '1.00MiB'],
      [2 ** 60, '1.00EiB'],
      [2 ** 73, '8192EiB'],
    ] as const),
  ])('show %d bytes as %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  it.each([
    [null, '-'],
    [0.0449, '0.04ms'],
    [9.996, '10.0ms'],
    [250.4, '250ms'],
    [999.6, '1.00s'],
  ] as const)('show a round trip of %p ms as %s', (milliseconds, text) => {
    expect(formatRoundTrip(milliseconds)).toBe(text);
  });

  it.each([
    [0, '0%'],
    [0.0004, '<0.1%'],
    [0.015, '1.5%'],
    [0.5, '50%'],
    [1, '100%'],
  ] as const)('show a share of %p as %s', (ratio, text) => {
    expect(formatShare(ratio)).toBe(text);
  });
});
