/** YAML codec (YAML 1.2, core schema), the only importer of the `yaml` package. Bounds the expansion of aliases. */
import { parseDocument, stringify } from 'yaml';
import { DecodeError } from '../errors.js';

/** Nodes that aliases may expand to, against the "billion laughs" attack. */
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
