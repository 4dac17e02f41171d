/** Fairness of the rates of several streams. Pure. A list needs at least one rate above zero. */

/** Jain's fairness index: 1 when all are equal, 1 / n when one has everything (R. Jain et al., DEC-TR-301). */
export function jainIndex(rates: readonly number[]): number {
  return total(rates) ** 2 / (rates.length * total(rates.map((rate) => rate ** 2)));
}

export function sharesPercent(rates: readonly number[]): { readonly least: number; readonly most: number } {
  const percent = (rate: number): number => (100 * rate) / total(rates);
  return { least: percent(Math.min(...rates)), most: percent(Math.max(...rates)) };
}

function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
