/** Parts that policies of both kinds have, read so that what cannot be read is reported with its place. */
import { Compile } from 'typebox/compile';
import { AddressError } from '../../common/errors.js';
import type { Cidr } from '../../common/address/cidr.js';
import { readBlockCidr } from './ip-block.js';
import { LabelSelectorSchema, readLabelSelector } from './label-selector.js';
import type { LabelSelector } from './label-selector.js';

const SelectorObject = Compile(LabelSelectorSchema);

/** Is told of each part that cannot be read. */
export type Report = (where: string, problem: string) => void;

/** Null when it cannot be read. */
export function readSelector(value: unknown, where: string, report: Report): LabelSelector | null {
  if (SelectorObject.Check(value)) return readLabelSelector(value, (problem) => report(where, problem));
  report(where, 'expected matchLabels and matchExpressions');
  return null;
}

/** Null when it cannot be read. */
export function readCidr(text: string, where: string, report: Report): Cidr | null {
  try {
    return readBlockCidr(text);
  } catch (thrown) {
    if (!(thrown instanceof AddressError)) throw thrown;
    report(where, thrown.message);
    return null;
  }
}
