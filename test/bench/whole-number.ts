/** Numbers on the command line of a benchmark. */
import { BenchError } from '../../common/errors.js';

export interface NumberOption {
  readonly default: number;
  readonly least: number;
  readonly most: number;
}

/** @param text as given, or undefined for the default. Throws BenchError that names the option and its limits */
export function wholeNumber(
  name: string,
  { default: usual, least, most }: NumberOption,
  text: string | undefined,
): number {
  if (text === undefined) return usual;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw new BenchError(`--${name} "${text}" is not a number from ${least} to ${most}`);
}
