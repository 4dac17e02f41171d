/** Text of `meshd --help`, generated from the schema. */
import { CONFIG_FIELDS } from './config-fields.js';
import type { ConfigField } from './config-fields.js';

const PLACEHOLDER = { text: 'TEXT', integer: 'N', switch: '', choice: 'WORD', list: 'ITEM,...' } as const;

/** One line per setting: flag, what it is, what it may be, its default. Ends with a newline. */
export function formatConfigHelp(): string {
  const rows = CONFIG_FIELDS.map((field) => [flagText(field), meaningOf(field)] as const);
  const width = Math.max(...rows.map(([flag]) => flag.length)) + 2;
  const lines = rows.map(([flag, meaning]) => `  ${flag.padEnd(width)}${meaning}`);
  return [
    'Settings, each also as a HEDDLE_* environment variable (--pod-cidrs is HEDDLE_POD_CIDRS) and as a key of the YAML',
    'file (podCidrs). A flag wins over the environment, the environment over the file, the file over the default.',
    '',
    `  ${'--config TEXT'.padEnd(width)}YAML file of settings (default /etc/heddle/config.yaml, if it is there)`,
    ...lines,
    '',
  ].join('\n');
}

function flagText(field: ConfigField): string {
  if (field.kind === 'switch') return `--${field.defaultValue === true ? 'no-' : ''}${field.flag}`;
  return `--${field.flag} ${PLACEHOLDER[field.kind]}`;
}

function meaningOf(field: ConfigField): string {
  const words = [field.description];
  if (field.kind === 'switch') words.push(`(default ${field.defaultValue === true ? 'on' : 'off'})`);
  else {
    if (field.kind === 'choice') words.push(field.expected);
    if (field.kind === 'list') words.push('(repeatable)');
    const text = String(field.defaultValue);
    if (text !== '' && field.kind !== 'list') words.push(`(default ${text})`);
  }
  const meaning = words.filter((word) => word !== '').join(' ');
  return meaning === '' ? field.expected : meaning;
}
