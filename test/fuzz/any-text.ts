/**
 * Text of any characters, from control characters to those beyond the basic plane. fast-check's own `unit: 'binary'`
 * draws the same, and first makes a table of all 1.1 million characters, which takes a second per test file.
 */
import fc from 'fast-check';

const between = (min: number, max: number): fc.Arbitrary<number> => fc.integer({ min, max });
/** Lone surrogates are not characters. */
const character = fc
  .oneof(between(0, 0x7f), between(0x80, 0x7ff), between(0x800, 0xd7ff), between(0xe000, 0x10ffff))
  .map((point) => String.fromCodePoint(point));

export function anyText(maxLength: number): fc.Arbitrary<string> {
  return fc.string({ unit: character, maxLength });
}
