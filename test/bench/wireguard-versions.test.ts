import { describe, expect, it } from '@jest/globals';
import { isOutdated, newest, parseVersion } from './wireguard-versions.js';

describe('wireguard-go', () => {
  it('prints its version on the first of several lines', () => {
    const output = 'wireguard-go v0.0.20220316\n\nUserspace WireGuard daemon for linux-amd64.\n';
    expect(parseVersion(output)).toBe('0.0.20220316');
    expect(parseVersion('')).toBeNull();
  });

  it('is measured in the newest version there is', () => {
    const versions = ['0.0.20220316', '0.0.20250522', '0.0.20231211'];
    const candidates = versions.map((version) => ({ path: `/opt/${version}`, version }));
    expect(newest(candidates)?.version).toBe('0.0.20250522');
    expect(newest([])).toBeNull();
  });

  it('is outdated when it knows no offloads', () => {
    expect(isOutdated('0.0.20220316')).toBe(true);
    expect(isOutdated('0.0.20231211')).toBe(false);
    expect(isOutdated('0.0.20250522')).toBe(false);
    expect(isOutdated('devel')).toBe(false);
  });
});
