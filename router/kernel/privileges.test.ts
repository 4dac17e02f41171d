import { describe, expect, it } from '@jest/globals';
import { isMapped } from './privileges.js';

describe('a user id', () => {
  const whole = '         0          0 4294967295\n';
  const single = '         0       1000          1\n';
  const ranges = '         0       1000          1\n         1     100000      65536\n';

  it.each([
    [whole, 65534, true],
    [whole, 0, true],
    [single, 0, true],
    [single, 65534, false],
    [ranges, 65534, true],
    [ranges, 65536, true],
    [ranges, 65537, false],
    ['', 0, false],
  ])('of the map %j: %i is mapped, %p', (map, id, mapped) => {
    expect(isMapped(map, id)).toBe(mapped);
  });
});
