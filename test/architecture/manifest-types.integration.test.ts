/**
 * Files of `deploy/kubernetes` against the schemas of Kubernetes 1.30, the oldest version with all that they use: the package
 * kubernetes-types has each schema as a TypeScript interface, so the compiler finds unknown fields, wrong types and missing ones.
 */
import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { parseYaml } from '../../common/codec/yaml.js';
import { OTHER_VALUES } from './other-values.js';
import { renderedChart } from './rendered-chart.js';
import { ROOT } from './root.js';

interface AnyObject {
  readonly apiVersion: string;
  readonly kind: string;
}

/** Of the Prometheus operator: `monitoring.test.ts` checks their fields. */
const WITHOUT_SCHEMA = ['PodMonitor', 'PrometheusRule'];
/** The package leaves this field out. */
const LEFT_OUT = `import type {} from 'kubernetes-types/admissionregistration/v1';
declare module 'kubernetes-types/admissionregistration/v1' {
interface NamedRuleWithOperations { resources?: string[] }
}`;
const FILES = ['heddle.yaml', 'preflight.yaml', 'clean-up.yaml', 'monitoring.yaml'];
const objects = FILES.flatMap((name) =>
  readFileSync(join(ROOT, 'deploy/kubernetes', name), 'utf8')
    .split(/^---\n/m)
    .map((text) => parseYaml(text) as AnyObject | null)
    .filter((object) => object !== null),
);
const withSchema = objects.filter(({ kind }) => !WITHOUT_SCHEMA.includes(kind));

/** What the compiler says of each object, as a literal of the interface of its kind. */
function problemsOf(checked: readonly AnyObject[]): string[] {
  const fileName = join(ROOT, 'manifest-objects.ts');
  const text = [LEFT_OUT, ...checked.map(declared)].join('\n');
  const options: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    types: [],
    moduleResolution: ts.ModuleResolutionKind.Bundler,
  };
  const host = ts.createCompilerHost(options);
  const getSourceFile = host.getSourceFile.bind(host);
  host.getSourceFile = (name, ...rest) =>
    name === fileName ? ts.createSourceFile(name, text, ts.ScriptTarget.ESNext) : getSourceFile(name, ...rest);
  const program = ts.createProgram([fileName], options, host);
  return ts
    .getPreEmitDiagnostics(program, program.getSourceFile(fileName))
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '));
}

/** `apps/v1` is in `apps/v1.d.ts`, `v1` in `core/v1.d.ts`, `rbac.authorization.k8s.io/v1` in `rbac/v1.d.ts`. */
function declared(object: AnyObject, index: number): string {
  const [group, version] = object.apiVersion.includes('/') ? object.apiVersion.split('/') : ['core', object.apiVersion];
  const type = `import('kubernetes-types/${group!.split('.')[0]!}/${version!}').${object.kind}`;
  return `export const object${index}: ${type} = ${JSON.stringify(object)};`;
}

describe('the manifests', () => {
  it('have only fields that Kubernetes knows, of their types, and all that it requires', () => {
    expect(withSchema.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['ClusterRole', 'DaemonSet', 'Job']));
    expect(problemsOf(withSchema)).toEqual([]);
  });

  it('are so from the chart with other values', () => {
    const rendered = [...renderedChart(OTHER_VALUES).values()].filter(({ kind }) => !WITHOUT_SCHEMA.includes(kind));
    expect(rendered.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['ConfigMap', 'DaemonSet', 'Pod']));
    expect(problemsOf(rendered)).toEqual([]);
  });

  it.each<[string, (daemonSet: string) => string]>([
    ['an unknown field', (text) => text.replace('"hostNetwork":', '"hostNetworks":')],
    ['a wrong type', (text) => text.replace('"hostNetwork":true', '"hostNetwork":"true"')],
    ['a missing field', (text) => text.replace(/"selector":\{[^}]*\}\},/, '')],
  ])('are refused with %s', (_, spoil) => {
    const good = JSON.stringify(objects.find(({ kind }) => kind === 'DaemonSet'));
    const spoilt = spoil(good);
    expect(spoilt).not.toBe(good);
    expect(problemsOf([JSON.parse(spoilt) as AnyObject])).toHaveLength(1);
  });
});
