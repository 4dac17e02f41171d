/**
 * Values of one configuration source, each with the text that names where it was found, and the problems of the source
 * itself (an unknown flag, a file that is not YAML). Not here: checking values.
 */
import type { ConfigField, ConfigFieldName } from './config-fields.js';

export interface FoundValue {
  readonly value: unknown;
  /** `flag --listen-port`, `environment HEDDLE_LISTEN_PORT`, `file /etc/heddle/config.yaml: listenPort`, `default`. */
  readonly source: string;
}

export interface FoundValues {
  readonly values: ReadonlyMap<ConfigFieldName, FoundValue>;
  readonly problems: readonly string[];
}

/**
 * A flag's or variable's text as the value it was meant to be. Text that does not fit is kept as it is, so that the
 * schema refuses it with its source.
 */
export function valueFromText(field: ConfigField, text: string): unknown {
  switch (field.kind) {
    case 'list':
      return text
        .split(',')
        .map((item) => item.trim())
        .filter((item) => item !== '');
    case 'integer':
      return /^-?\d{1,15}$/.test(text) ? Number(text) : text;
    case 'switch':
      return text === 'true' ? true : text === 'false' ? false : text;
    case 'choice':
    case 'text':
      return text;
  }
}
