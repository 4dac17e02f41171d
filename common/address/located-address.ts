/** Addresses and CIDRs in objects of others, whose errors name the place. */
import { AddressError, DecodeError } from '../errors.js';

/** @param where as `Node n1: spec.podCIDRs`. Throws DecodeError for text that `parse` refuses with AddressError */
export function parseLocated<T>(where: string, text: string, parse: (text: string) => T): T {
  try {
    return parse(text);
  } catch (thrown) {
    if (thrown instanceof AddressError) throw new DecodeError(`${where}: ${thrown.message}`, { cause: thrown });
    throw thrown;
  }
}
