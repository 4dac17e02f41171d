import { describe, expect, it } from '@jest/globals';
import {
  formatAgo,
  formatBitRate,
  formatBytes,
  formatDuration,
  formatMs,
  formatRatio,
  plural,
  shorten,
} from './format.js';

describe('numbers for people', () => {
  it.each([
    [0, '0 bit/s'],
    [999, '999 bit/s'],
    [999_990, '1.00 Mbit/s'],
    [12_340_000, '12.3 Mbit/s'],
    [1_240_000_000, '1.24 Gbit/s'],
    [123_000_000_000, '123 Gbit/s'],
  ])('%d bits per second read %s', (value, text) => {
    expect(formatBitRate(value)).toBe(text);
  });

  it.each([
    [512, '512 B'],
    [1536, '1.50 KiB'],
    [5 * 1024 ** 3, '5.00 GiB'],
  ])('%d bytes read %s', (value, text) => {
    expect(formatBytes(value)).toBe(text);
  });

  it.each([
    [null, '–'],
    [0.042, '42 µs'],
    [0.42, '0.42 ms'],
    [12.3, '12.3 ms'],
    [1500, '1.50 s'],
  ])('a round trip of %s ms reads %s', (value, text) => {
    expect(formatMs(value)).toBe(text);
  });

  it.each([
    [0, '0 %'],
    [0.0001, '< 0.1 %'],
    [0.012, '1.2 %'],
    [0.5, '50 %'],
  ])('a ratio of %d reads %s', (value, text) => {
    expect(formatRatio(value)).toBe(text);
  });

  it.each([
    [900, '0 s'],
    [125_000, '2 min 5 s'],
    [3_600_000, '1 h'],
    [273_600_000, '3 d 4 h'],
    [86_460_000, '1 d'],
  ])('%d ms read %s', (value, text) => {
    expect(formatDuration(value)).toBe(text);
  });

  it('formats how long ago a time is, or never', () => {
    expect(formatAgo('2026-01-01T00:00:00Z', Date.parse('2026-01-01T00:01:00Z'))).toBe('1 min ago');
    expect(formatAgo(null, 0)).toBe('never');
  });

  it('adds plurals and shortens text', () => {
    expect([plural(1, 'pod'), plural(1200, 'pod'), plural(null, 'pod')]).toEqual(['1 pod', '1,200 pods', '– pods']);
    expect([shorten('short', 8), shorten('a long name', 6)]).toEqual(['short', 'a lon…']);
  });
});
