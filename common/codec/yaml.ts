/** The one door to the `yaml` package (YAML 1.2, core schema): text to plain data and back. Owns the bounds on input. */
import { parseDocument, stringify } from 'yaml';
import { DecodeError } from '../errors.js';

/** Aliases that expand to more than this many nodes are refused ("billion laughs"). */
const MAX_ALIASES = 100;

/**
 * One document as plain data; empty text is null. Duplicate keys and anything malformed throw {@link DecodeError} with
 * line and column.
 */
export function parseYaml(text: string): unknown {
  const document = parseDocument(text, { uniqueKeys: true, prettyErrors: true });
  const problem = document.errors[0] ?? document.warnings[0];
  if (problem !== undefined) throw new DecodeError(`not valid YAML: ${problem.message.split('\n')[0]}`);
  try {
    return document.toJS({ maxAliasCount: MAX_ALIASES }) as unknown;
  } catch (thrown) {
    throw new DecodeError('not valid YAML: too many aliases', { cause: thrown });
  }
}

/** Plain data as a YAML document, ending with a newline. */
export function formatYaml(value: unknown): string {
  return stringify(value, { lineWidth: 0 });
}
