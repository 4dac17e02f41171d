/** Part of a list that is spread over all of it, without two alike at a fixed distance. Pure, and the same each time. */

const GOLDEN = (Math.sqrt(5) - 1) / 2;

/** All items, or `most` of them: the indices are multiples of a step near the golden section, which is prime to the length. */
export function spread<T>(items: readonly T[], most: number): T[] {
  const { length } = items;
  if (length <= most) return [...items];
  let step = Math.max(1, Math.round(GOLDEN * length));
  while (commonDivisor(step, length) > 1) step++;
  return Array.from({ length: most }, (_, i) => items[(i * step) % length]!);
}

function commonDivisor(a: number, b: number): number {
  return b === 0 ? a : commonDivisor(b, a % b);
}
