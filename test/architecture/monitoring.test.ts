/**
 * Monitoring against what exists: metrics, log fields, events and state files of the product. The objects of the Prometheus
 * operator are checked by the table below, since its resource definitions are in no package: the fields of
 * monitoring.coreos.com/v1 that ours may use, written down by hand. The API server prunes an unknown field there, unless the
 * client asks for strict validation.
 */
import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createMetrics } from '../../agent/api/metrics.js';
import { FakeSource } from '../../agent/api/testing/fake-source.js';
import { parseYaml } from '../../common/codec/yaml.js';
import { ALERT_RULES } from '../../deploy/kubernetes/alerts.js';
import { GENERATED } from '../../deploy/kubernetes/chart.js';
import { dashboard } from '../../deploy/kubernetes/dashboard.js';
import { DASHBOARD_FILE, monitoringManifest } from '../../deploy/kubernetes/monitoring.js';
import { COUNTER_NAMES } from '../../mesh/counters.js';
import { DROP_REASONS } from '../../router/tables/drop-reasons.js';
import { ROOT } from './root.js';
import { productSources } from './source-tree.js';

const textOf = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const operations = textOf('docs/operations.md');
/** Counters of the agent, as `agent/agent.ts` and `agent/policy/network-policies.ts` name them to the metrics. */
const OWN_COUNTERS = [
  ...textOf('agent/agent.ts').matchAll(/^ {8}(\w+_\w+):/gm),
  ...textOf('agent/policy/network-policies.ts').matchAll(/^ {6}(policy_\w+):/gm),
].map(([, name]) => name!);

/** Names of all metrics of Heddle itself that a scrape gives. */
async function metricNames(): Promise<string[]> {
  const source = new FakeSource();
  source.currentCounters = Object.fromEntries(OWN_COUNTERS.map((name) => [name, 1]));
  const text = await createMetrics(source, () => 0).render();
  return [...text.matchAll(/^# TYPE (heddle_\w+)/gm)].map(([, name]) => name!);
}

const expressions = () => [
  ...ALERT_RULES.map(({ expr }) => expr),
  ...[...JSON.stringify(dashboard()).matchAll(/"expr":"((?:[^"\\]|\\.)*)"/g)].map(([, expr]) => expr!),
];
/** First cells, without backticks, of the tables below a heading of docs/operations.md: of all, or of the one with this column. */
function rowsOf(heading: string, column?: string): string[] {
  const section = operations.split(/^## /m).find((part) => part.startsWith(`${heading}\n`)) ?? '';
  const [table] = column === undefined ? [section] : section.split(`\n| ${column} |`).slice(1);
  const text = column === undefined ? table! : (table ?? '').split('\n\n')[0]!;
  const rows = text.split('\n').filter((line) => line.startsWith('| `'));
  return rows.flatMap((line) => line.split('|')[1]!.trim().replaceAll('`', '').split(', '));
}

type Fields = { readonly [field: string]: Fields | 'text' | 'labels' | 'texts' };

const METADATA: Fields = { name: 'text', namespace: 'text', labels: 'labels' };
const RELABELING: Fields = {
  ...{ sourceLabels: 'texts', separator: 'text', targetLabel: 'text', regex: 'text', replacement: 'text' },
  action: 'text',
};
const ENDPOINT: Fields = { port: 'text', path: 'text', interval: 'text', relabelings: RELABELING };
const RULE: Fields = { alert: 'text', expr: 'text', for: 'text', labels: 'labels', annotations: 'labels' };
const OPERATOR_OBJECTS: Fields = {
  PodMonitor: { metadata: METADATA, spec: { selector: { matchLabels: 'labels' }, podMetricsEndpoints: ENDPOINT } },
  PrometheusRule: { metadata: METADATA, spec: { groups: { name: 'text', rules: RULE } } },
};

/** Paths at which an object has a field or a type that the table does not allow. Items of a list stand for the list. */
function faultsOf(value: unknown, allowed: Fields | string | undefined, path: string): string[] {
  if (allowed === 'text') return typeof value === 'string' ? [] : [path];
  if (allowed === undefined || typeof value !== 'object' || value === null) return [path];
  if (allowed === 'texts' && !Array.isArray(value)) return [path];
  return Object.entries(value).flatMap(([key, item]) => {
    const inner = typeof allowed === 'string' ? 'text' : Array.isArray(value) ? allowed : allowed[key];
    return faultsOf(item, inner, `${path}.${key}`);
  });
}

function faultsOfObject({ apiVersion, kind, ...rest }: OperatorObject): string[] {
  return apiVersion === 'monitoring.coreos.com/v1' ? faultsOf(rest, OPERATOR_OBJECTS[kind], kind) : [apiVersion];
}

interface OperatorObject {
  readonly apiVersion: string;
  readonly kind: string;
}

describe('the objects of the Prometheus operator', () => {
  const objects = monitoringManifest()
    .split(/^---\n/m)
    .slice(1)
    .map((text) => parseYaml(text) as OperatorObject);

  it('have only fields that it knows, of their types', () => {
    expect(objects.map(({ kind }) => kind)).toEqual(['PodMonitor', 'PrometheusRule']);
    expect(objects.flatMap(faultsOfObject)).toEqual([]);
  });

  it.each([
    ['"interval"', '"intervall"', ['PodMonitor.spec.podMetricsEndpoints.0.intervall']],
    ['"replacement":"6787"', '"replacement":6787', ['PodMonitor.spec.podMetricsEndpoints.0.relabelings.0.replacement']],
    ['"matchLabels":', '"matchLabel":', ['PodMonitor.spec.selector.matchLabel']],
  ])('are found faulty when %s is %s', (good, bad, faults) => {
    const text = JSON.stringify(objects[0]);
    expect(faultsOfObject(JSON.parse(text.replace(good, bad)) as OperatorObject)).toEqual(faults);
  });

  it('have durations as Prometheus reads them, and a severity for each alert', () => {
    for (const { for: pending, labels } of ALERT_RULES) {
      expect(pending).toMatch(/^\d+[smh]$/);
      expect(['critical', 'warning']).toContain(labels.severity);
    }
    const names = ALERT_RULES.map(({ alert }) => alert);
    expect(new Set(names).size).toBe(names.length);
  });
});

interface DashboardPanel {
  readonly id: number;
  readonly gridPos: { readonly x: number; readonly w: number };
  readonly targets: readonly { readonly refId: string }[];
}

describe('the dashboard', () => {
  it('has panels with ids of their own within the 24 columns of Grafana, and targets with letters of their own', () => {
    const { panels } = dashboard() as { readonly panels: readonly DashboardPanel[] };
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    expect(panels.filter(({ gridPos }) => gridPos.x + gridPos.w > 24)).toEqual([]);
    const twice = panels.filter(({ targets }) => new Set(targets.map(({ refId }) => refId)).size < targets.length);
    expect(twice).toEqual([]);
  });
});

describe('alert rules and dashboard', () => {
  it('name metrics and reasons that exist', async () => {
    const known = await metricNames();
    const named = expressions().flatMap((expr) => expr.match(/heddle_\w+/g) ?? []);
    expect(named.length).toBeGreaterThan(20);
    expect(named.filter((name) => !known.includes(name))).toEqual([]);
    const reasons = expressions().flatMap((expr) =>
      [...expr.matchAll(/reason=\\?"(\w+)\\?"/g)].map(([, name]) => name!),
    );
    expect(reasons.filter((name) => ![...DROP_REASONS, ...COUNTER_NAMES].some((one) => one === name))).toEqual([]);
  });

  it('have a row each in docs/operations.md that says what to do', () => {
    expect(rowsOf('Alerts')).toEqual(ALERT_RULES.map(({ alert }) => alert));
  });

  it('are in the files that `npm run manifests` writes', () => {
    expect(textOf('deploy/kubernetes/monitoring.yaml')).toBe(GENERATED + monitoringManifest());
    expect(textOf('deploy/kubernetes/dashboard.json')).toBe(DASHBOARD_FILE);
  });
});

/** Object literals that are fields of log lines: of a call of a logger or of notices, or named so. */
const FIELDS = [
  /\b[lL]og\.(?:debug|info|warn|error|fatal)\(\s*\{/g,
  /\bnotices\.(?:log\[\w+\]\(|write\([^{}]*?,\s*)\{/g,
  /\bconst (?:fields|facts) = \{/g,
];

/** Names of the fields of all log lines. */
function logFields(): Set<string> {
  const names = productSources.flatMap(({ text }) =>
    FIELDS.flatMap((start) =>
      [...text.matchAll(start)].flatMap(({ 0: found, index }) => keysOf(text, index + found.length)),
    ),
  );
  return new Set(names);
}

/** Keys of the object literal whose content begins at `from`. Values may hold brackets of all kinds. */
function keysOf(text: string, from: number): string[] {
  const keys: string[] = [];
  let depth = 0;
  let item = from;
  for (let at = from; depth >= 0; at++) {
    if ('({['.includes(text[at]!)) depth++;
    if (')}]'.includes(text[at]!)) depth--;
    const ends = depth < 0 || (depth === 0 && text[at] === ',');
    if (!ends) continue;
    const key = /^\s*(\w+)\s*(?=:|,|$)/.exec(`${text.slice(item, at)},`)?.[1];
    if (key !== undefined) keys.push(key);
    item = at + 1;
  }
  return keys;
}

describe('docs/operations.md', () => {
  it('names the format of every state file', () => {
    const [, table] = operations.split('\n| state file | format |\n');
    const rows = table!.split('\n\n')[0]!.matchAll(/^\| `[^`]+` \| `([^`]+)` \|$/gm);
    const written = productSources
      .map(({ path }) => textOf(path))
      .filter((text) => text.includes('DurableFile'))
      .flatMap((text) => [...text.matchAll(/kind: '(heddle-[^']+)'/g)].map(([, kind]) => kind!));
    const record = /const FORMAT = '(heddle-config[^']+)'/.exec(textOf('agent/config/config-record.ts'))![1]!;
    const keys = /const KEY_FILE_VERSION = (\d+);/.exec(textOf('mesh/wire/identity.ts'))![1]!;
    expect([...rows].map(([, format]) => format!).sort()).toEqual([...written, record].sort());
    expect(table).toContain(`\n| \`identity.json\` | \`version\` ${keys} |\n`);
  });

  it('explains every field of a log line, and no other', () => {
    const listed = rowsOf('Logs', 'field');
    const written = logFields();
    expect([...written].filter((name) => !listed.includes(name)).sort()).toEqual([]);
    const texts = productSources.map(({ text }) => text).join('\n');
    expect(listed.filter((name) => !new RegExp(`\\b${name}\\b`).test(texts))).toEqual([]);
    expect(written.size).toBeGreaterThan(60);
  });

  it('explains every event of `/v1/events`, and no other', () => {
    const types = /interface ServerEvents \{([^]*?)\n\}/.exec(textOf('common/api.ts'))![1]!;
    expect(rowsOf('HTTP', 'event').sort()).toEqual(
      [...types.matchAll(/^ {2}(\w+):/gm)].map(([, name]) => name!).sort(),
    );
  });

  it('explains every condition, and no other', () => {
    const known = [...textOf('agent/api/conditions.ts').matchAll(/^ {4}\w+\(\s*'([a-z-]+)',/gm)];
    const rows = operations
      .split('| condition | required |')[1]!
      .split('\n\n')[0]!
      .matchAll(/^\| `([a-z-]+)` \|/gm);
    expect([...rows].map(([, name]) => name).sort()).toEqual(known.map(([, name]) => name).sort());
  });

  it('explains every metric, and no other', async () => {
    expect(rowsOf('Metrics').sort()).toEqual((await metricNames()).sort());
  });
});
