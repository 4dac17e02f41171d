/**
 * Settings from the command line: `--listen-port 6785` or `--listen-port=6785`; lists are repeatable and comma-separated;
 * switches are `--masquerade`, `--no-masquerade` or `--masquerade=false`. `--config PATH` names the file.
 */
import { CONFIG_FIELDS } from './config-fields.js';
import type { ConfigField, ConfigFieldName } from './config-fields.js';
import { didYouMean } from './did-you-mean.js';
import { valueFromText } from './found-values.js';
import type { FoundValue, FoundValues } from './found-values.js';

export interface FoundFlags extends FoundValues {
  /** The path given with `--config`, or null. */
  readonly configPath: string | null;
}

const FIELD_OF_FLAG = new Map(CONFIG_FIELDS.map((field) => [field.flag, field]));
const SWITCH_OFF = CONFIG_FIELDS.filter((field) => field.kind === 'switch').map((field) => `no-${field.flag}`);
const KNOWN_FLAGS = ['config', ...FIELD_OF_FLAG.keys(), ...SWITCH_OFF].map((flag) => `--${flag}`);

/** @param argv what follows the command's name */
export function readFlags(argv: readonly string[]): FoundFlags {
  const values = new Map<ConfigFieldName, FoundValue>();
  const problems: string[] = [];
  let configPath: string | null = null;
  for (const { flag, text } of tokensOf(argv)) {
    const field = fieldOf(flag);
    if (flag === '') problems.push(`unexpected argument "${text ?? ''}" (settings are given as --name value)`);
    else if (flag === 'config' && text !== undefined) configPath = text;
    else if (field === undefined && flag !== 'config') {
      problems.push(`flag --${flag} is unknown${didYouMean(`--${flag}`, KNOWN_FLAGS)}`);
    } else problems.push(...addFlag(values, field, flag, text));
  }
  return { values, problems, configPath };
}

interface Token {
  /** Without dashes; empty for an argument that belongs to no flag. */
  readonly flag: string;
  readonly text: string | undefined;
}

/** `--flag=text`, `--flag text`, and `--flag` alone when it is a switch or another flag follows. */
function tokensOf(argv: readonly string[]): Token[] {
  const tokens: Token[] = [];
  for (let i = 0; i < argv.length; i++) {
    const [, flag, inline] = /^--([^=]+)(?:=([^]*))?$/.exec(argv[i]!) ?? [];
    const next = argv[i + 1];
    if (flag === undefined) tokens.push({ flag: '', text: argv[i] });
    else if (inline !== undefined || fieldOf(flag)?.kind === 'switch' || next === undefined || next.startsWith('--')) {
      tokens.push({ flag, text: inline });
    } else {
      tokens.push({ flag, text: next });
      i++;
    }
  }
  return tokens;
}

function fieldOf(flag: string): ConfigField | undefined {
  return FIELD_OF_FLAG.get(SWITCH_OFF.includes(flag) ? flag.slice('no-'.length) : flag);
}

/** Lists grow; anything else may be given once. Returns what is wrong. */
function addFlag(
  values: Map<ConfigFieldName, FoundValue>,
  field: ConfigField | undefined,
  flag: string,
  text: string | undefined,
): string[] {
  const off = SWITCH_OFF.includes(flag);
  if (off && text !== undefined) return [`flag --${flag} takes no value`];
  const given = text ?? (field?.kind === 'switch' ? String(!off) : undefined);
  if (field === undefined || given === undefined) {
    return [`flag --${flag} needs a value (expected ${field?.expected ?? 'the path of a file'})`];
  }
  const value = valueFromText(field, given);
  const before = values.get(field.name)?.value;
  if (before !== undefined && !Array.isArray(value)) return [`flag --${flag} is given more than once`];
  const merged: unknown[] = [before ?? [], value].flat();
  values.set(field.name, { value: Array.isArray(value) ? merged : value, source: `flag --${flag}` });
  return [];
}
