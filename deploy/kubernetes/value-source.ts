/**
 * Two sources of values for the Kubernetes objects: the defaults, for the plain manifest, and expressions of Helm, for the
 * chart's templates. In a template every expression stands for a whole value and prints JSON, which is YAML: the objects need
 * no other feature of Helm.
 */
import { formatYaml } from '../../common/codec/yaml.js';
import { DEFAULT_VALUES } from './values.js';
import type { Values } from './values.js';

export interface ValueSource {
  readonly namespace: string;
  value<K extends keyof Values>(name: K): Values[K];
  /** The value as a text, where Kubernetes takes texts only. */
  text(name: keyof Values): string;
  /** The value as JSON in a text. */
  json(name: keyof Values): string;
}

export const defaults: ValueSource = {
  namespace: 'kube-system',
  value: (name) => DEFAULT_VALUES[name],
  text: (name) => textOf(DEFAULT_VALUES[name]),
  json: (name) => JSON.stringify(DEFAULT_VALUES[name]),
};

export const helm: ValueSource = {
  namespace: expression('.Release.Namespace'),
  value: <K extends keyof Values>(name: K) => expression(`.Values.${name}`) as Values[K],
  text: (name) => expression(`(toString .Values.${name})`),
  json: (name) => expression(`(toJson .Values.${name})`),
};

function textOf(value: Values[keyof Values]): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function expression(what: string): string {
  return `{{ toJson ${what} }}`;
}

/** YAML in which expressions are not quoted. */
export function formatTemplate(value: unknown): string {
  return formatYaml(value).replace(/"(\{\{ [^"]* \}\})"/g, '$1');
}
