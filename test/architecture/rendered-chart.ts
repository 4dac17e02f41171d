/**
 * Renderer of the Helm chart for tests: what Helm makes of templates that have no other expressions than those of
 * `deploy/kubernetes/value-source.ts` and `monitoring.ts`.
 */
import { parseYaml } from '../../common/codec/yaml.js';
import { chartFiles } from '../../deploy/kubernetes/chart.js';
import { defaults } from '../../deploy/kubernetes/value-source.js';
import { DEFAULT_VALUES } from '../../deploy/kubernetes/values.js';
import type { Values } from '../../deploy/kubernetes/values.js';

export interface RenderedObject {
  readonly apiVersion: string;
  readonly kind: string;
}

const WHOLE_TEMPLATE_WHEN = /^\{\{- if \.Values\.(\w+) \}\}\n([^]*)\{\{- end \}\}\n$/;

/** Objects of the chart's templates by path; a template whose condition does not hold is left out. */
export function renderedChart(changed: Partial<Values> = {}): ReadonlyMap<string, RenderedObject> {
  const values = { ...DEFAULT_VALUES, ...changed };
  const files = chartFiles();
  const templates = [...files].filter(([path]) => /^templates\/.*\.yaml$/.test(path));
  const texts = templates.map(([path, template]) => [path, render(template, values, files)] as const);
  return new Map(
    texts.filter(([, text]) => text !== '').map(([path, text]) => [path, parseYaml(text) as RenderedObject]),
  );
}

function render(template: string, values: Values, files: ReadonlyMap<string, string>): string {
  const [, condition, inner] = WHOLE_TEMPLATE_WHEN.exec(template) ?? [];
  if (condition !== undefined && values[condition as keyof Values] !== true) return '';
  return (inner ?? template).replace(/\{\{ (.*?) \}\}/g, (_, expression: string) => result(expression, values, files));
}

function result(expression: string, values: Values, files: ReadonlyMap<string, string>): string {
  if (expression === 'toJson .Release.Namespace') return JSON.stringify(defaults.namespace);
  const [, call, name] = /^toJson \(?(?:(toString|toJson) )?\.Values\.(\w+)\)?$/.exec(expression) ?? [];
  if (name !== undefined) return JSON.stringify(called(call, values[name as keyof Values]));
  const [, path, filter] = /^\.Files\.Get "(.+)" \| (toJson|indent 2)$/.exec(expression) ?? [];
  const file = files.get(path ?? '');
  if (file === undefined) return `no expression of the chart: ${expression}`;
  return filter === 'toJson' ? JSON.stringify(file) : file.replace(/^/gm, '  ');
}

function called(call: string | undefined, value: unknown): unknown {
  if (call === undefined) return value;
  return call === 'toString' ? String(value) : JSON.stringify(value);
}
