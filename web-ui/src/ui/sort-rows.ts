/** Sorting of table rows: numbers by value, texts in natural order, unknown values last in both directions. Pure. */

export type SortKey = string | number | null;

export interface SortOrder {
  readonly column: string;
  readonly descending: boolean;
}

const texts = new Intl.Collator('en', { numeric: true });

/** A sorted copy; equal rows keep their order. */
export function sortRows<Row>(rows: readonly Row[], key: (row: Row) => SortKey, descending: boolean): readonly Row[] {
  const sign = descending ? -1 : 1;
  return [...rows].sort((a, b) => {
    const [left, right] = [key(a), key(b)];
    if (left === null || right === null) return Number(left === null) - Number(right === null);
    return sign * compare(left, right);
  });
}

function compare(a: string | number, b: string | number): number {
  return typeof a === 'number' && typeof b === 'number' ? a - b : texts.compare(String(a), String(b));
}
