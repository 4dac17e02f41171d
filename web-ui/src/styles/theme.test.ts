import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

/** Relative luminance (WCAG 2.2) of `#rrggbb`. */
function luminance(color: string): number {
  const linear = (share: number): number => (share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4);
  const [red, green, blue] = [1, 3, 5].map((at) => linear(parseInt(color.slice(at, at + 2), 16) / 255));
  return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
}

function contrast(one: string, other: string): number {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high! + 0.05) / (low! + 0.05);
}

const css = readFileSync(resolve('web-ui/src/styles/theme.css'), 'utf8');
const themes = Array.from(css.matchAll(/:root[^{]*\{([^}]*)\}/g), ([, block]) => {
  return new Map(Array.from(block!.matchAll(/--([\w-]+): (#\w{6})/g), ([, name, color]) => [name!, color!]));
});

describe('the colours of states', () => {
  it('have 4.5:1 on their pills and on the surface, in both themes', () => {
    expect(themes).toHaveLength(2);
    for (const theme of themes) {
      for (const name of ['up', 'connecting', 'stale', 'down', 'accent']) {
        expect(contrast(theme.get(name)!, theme.get(`${name}-soft`)!)).toBeGreaterThanOrEqual(4.5);
        expect(contrast(theme.get(name)!, theme.get('surface')!)).toBeGreaterThanOrEqual(4.5);
      }
    }
  });
});
