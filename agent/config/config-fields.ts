/**
 * Settings as the configuration sources need them, derived from the schema in `common/config.ts`: flag, environment
 * variable, form of the value. Not here: reading a source, checking a value.
 */
import { ConfigSchema } from '../../common/config.js';
import type { Config } from '../../common/config.js';

export type ConfigFieldName = keyof Config;
export type ConfigFieldKind = 'text' | 'integer' | 'switch' | 'choice' | 'list';

export interface ConfigField {
  readonly name: ConfigFieldName;
  readonly kind: ConfigFieldKind;
  /** Without the dashes: `pod-cidrs`. */
  readonly flag: string;
  /** `HEDDLE_POD_CIDRS`. */
  readonly variable: string;
  readonly description: string;
  readonly defaultValue: unknown;
  /** What a good value looks like, in words. */
  readonly expected: string;
}

/** The part of JSON Schema that `ConfigSchema` uses for one field. */
interface FieldSchema {
  readonly type?: string;
  readonly anyOf?: readonly { readonly const: string }[];
  readonly enum?: readonly string[];
  readonly default: unknown;
  readonly description?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
}

/** Every setting, in the order of the schema. */
export const CONFIG_FIELDS: readonly ConfigField[] = Object.entries(
  ConfigSchema.properties as unknown as Readonly<Record<ConfigFieldName, FieldSchema>>,
).map(([name, schema]) => describeField(name as ConfigFieldName, schema));

function describeField(name: ConfigFieldName, schema: FieldSchema): ConfigField {
  const words = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return {
    name,
    kind: kindOf(schema),
    flag: words,
    variable: `HEDDLE_${words.replaceAll('-', '_').toUpperCase()}`,
    description: schema.description ?? '',
    defaultValue: schema.default,
    expected: expectationOf(schema),
  };
}

function kindOf(schema: FieldSchema): ConfigFieldKind {
  if (schema.anyOf !== undefined || schema.enum !== undefined) return 'choice';
  if (schema.type === 'array') return 'list';
  if (schema.type === 'integer') return 'integer';
  return schema.type === 'boolean' ? 'switch' : 'text';
}

function expectationOf(schema: FieldSchema): string {
  switch (kindOf(schema)) {
    case 'choice':
      return `one of ${(schema.enum ?? schema.anyOf?.map((choice) => choice.const) ?? []).join(', ')}`;
    case 'list':
      return 'a list of texts';
    case 'integer':
      return `a whole number ${rangeOf(schema)}`;
    case 'switch':
      return 'true or false';
    case 'text':
      if (schema.pattern !== undefined) return `text that matches ${schema.pattern}`;
      return schema.maxLength === undefined ? 'text' : `text of at most ${schema.maxLength} characters`;
  }
}

function rangeOf(schema: FieldSchema): string {
  const from = schema.minimum ?? 0;
  return schema.maximum === undefined ? `of at least ${from}` : `from ${from} to ${schema.maximum}`;
}
