/** Suggestion for an unknown name: the most similar known one. */

/** At most this share of the longer name may differ. */
const MAX_DISTANCE_RATIO = 0.4;

/** `, did you mean X?` or nothing. Case and separators do not count as differences. */
export function didYouMean(typed: string, known: readonly string[]): string {
  let best: { name: string; distance: number } | null = null;
  for (const name of known) {
    const [a, b] = [plain(typed), plain(name)];
    const distance = editDistance(a, b);
    if (distance > Math.max(a.length, b.length) * MAX_DISTANCE_RATIO) continue;
    if (best === null || distance < best.distance) best = { name, distance };
  }
  return best === null ? '' : `, did you mean ${best.name}?`;
}

function plain(name: string): string {
  return name
    .replace(/^HEDDLE_/, '')
    .toLowerCase()
    .replace(/[-_]/g, '');
}

/** Levenshtein distance: insertions, deletions and replacements of one character. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
