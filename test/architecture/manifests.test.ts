import { describe, expect, it } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Compile } from 'typebox/schema';
import { CONFIG_FIELDS } from '../../agent/config/config-fields.js';
import { loadConfig } from '../../agent/config/config-sources.js';
import { parseYaml } from '../../common/codec/yaml.js';
import { chartFiles } from '../../deploy/kubernetes/chart.js';
import { fileName, jobFile, nodeJobs } from '../../deploy/kubernetes/node-jobs.js';
import { manifest } from '../../deploy/kubernetes/manifest.js';
import { DASHBOARD_FILE, monitoringManifest } from '../../deploy/kubernetes/monitoring.js';
import { objects } from '../../deploy/kubernetes/objects.js';
import { defaults } from '../../deploy/kubernetes/value-source.js';
import { DEFAULT_VALUES, ValuesSchema } from '../../deploy/kubernetes/values.js';
import type { Values } from '../../deploy/kubernetes/values.js';
import { givenRights } from '../../kube/testing/needed-rights.js';
import type { Rule } from '../../kube/testing/needed-rights.js';
import { OTHER_VALUES } from './other-values.js';
import { renderedChart } from './rendered-chart.js';
import { ROOT } from './root.js';

const FOLDER = join(ROOT, 'deploy/kubernetes');

interface Container {
  readonly env: readonly { readonly name: string; readonly value?: string }[];
  readonly readinessProbe: Probe;
  readonly livenessProbe: Probe;
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
}
interface Probe {
  readonly httpGet: { readonly host: string; readonly path: string; readonly port: number };
}
interface Volume {
  readonly name: string;
  readonly hostPath?: { readonly path: string };
}
interface JobPod {
  readonly nodeName: string;
  readonly containers: readonly [{ readonly command: readonly [string, string, string] }];
}
interface DaemonSet {
  readonly spec: {
    readonly template: {
      readonly spec: { readonly containers: readonly [Container]; readonly volumes: readonly Volume[] };
    };
  };
}

const read = (path: string): string => readFileSync(join(FOLDER, path), 'utf8');
const documents = read('heddle.yaml')
  .split(/^---\n/m)
  .slice(1)
  .map((text) => parseYaml(text) as { readonly kind: string; readonly rules?: readonly Rule[] });
const pod = (documents.find(({ kind }) => kind === 'DaemonSet') as unknown as DaemonSet).spec.template.spec;
const [container] = pod.containers;

describe('the Kubernetes manifest', () => {
  it('is what its source makes (npm run manifests)', () => {
    expect(read('heddle.yaml')).toBe(manifest());
    expect(documents).toEqual(objects(defaults));
  });

  it('sets variables that are settings, with values that are valid', () => {
    const variables = Object.fromEntries(container.env.map(({ name, value }) => [name, value ?? 'node-1']));
    const known = CONFIG_FIELDS.map(({ variable }) => variable);
    expect(Object.keys(variables).filter((name) => !known.includes(name))).toEqual([]);
    expect(loadConfig([], variables, () => null)).toMatchObject({ nodeName: 'node-1', cniBinDir: '/opt/cni/bin' });
  });

  it('asks paths of the API at its address and port', () => {
    const routes = readFileSync(join(ROOT, 'agent/api/routes.ts'), 'utf8');
    const config = loadConfig([], {}, () => null);
    for (const { httpGet } of [container.readinessProbe, container.livenessProbe]) {
      expect(routes).toContain(`path: '${httpGet.path}'`);
      expect([httpGet.host, httpGet.port]).toEqual([config.apiAddress, config.apiPort]);
    }
  });

  it('allows the requests that the agent makes (test/net/kubernetes.test.ts), and nothing else', () => {
    const rights = givenRights(documents.flatMap((object) => object.rules ?? []));
    expect(rights).toEqual([
      ...['get nodes', 'list nodes', 'watch nodes', 'patch nodes', 'patch nodes/status'],
      ...['list pods', 'list namespaces', 'watch pods', 'watch namespaces'],
      ...['list networkpolicies', 'watch networkpolicies'],
      ...['list clusternetworkpolicies', 'watch clusternetworkpolicies'],
      ...['get configmaps kubeadm-config', 'create events'],
    ]);
  });

  it('mounts every volume, folders of the host at the same path', () => {
    expect(container.volumeMounts.map(({ name }) => name)).toEqual(pod.volumes.map(({ name }) => name));
    for (const { name, hostPath } of pod.volumes) {
      const mount = container.volumeMounts.find((one) => one.name === name);
      if (hostPath !== undefined) expect(mount?.mountPath).toBe(hostPath.path);
    }
  });
});

describe('the Jobs for a node', () => {
  it('are what their source makes (npm run manifests), and lines of their files name them', () => {
    for (const job of nodeJobs()) {
      expect(read(fileName(job))).toBe(jobFile(job));
      expect(jobFile(job)).toContain(`deploy/kubernetes/${fileName(job)} |`);
    }
  });

  it('run commands of meshctl in the image, on the node that they name', () => {
    const commands = nodeJobs().map((job) => {
      const { nodeName, containers } = (job as unknown as DaemonSet).spec.template.spec as unknown as JobPod;
      expect(nodeName).toBe('NAME-OF-NODE');
      const [said, command] = containers[0].command[2].split('; ');
      expect(said).toBe("echo 'Node NAME-OF-NODE'");
      return command!.split(' ').slice(0, 3).join(' ');
    });
    expect(commands).toEqual(['/opt/heddle/start.sh meshctl preflight', '/opt/heddle/start.sh meshctl uninstall']);
  });

  it('fit a Node of any name, on which the same Job was before', () => {
    const ofLongestName = nodeJobs().map((job) => jobFile(job).replaceAll('NAME-OF-NODE', 'n'.repeat(253)));
    for (const text of ofLongestName) {
      const { metadata } = parseYaml(text) as { metadata: { generateName: string; labels: Record<string, string> } };
      expect(Object.keys(metadata)).not.toContain('name');
      // A Job's name becomes a label of its pods; the API server appends five characters.
      for (const label of [`${metadata.generateName}12345`, ...Object.values(metadata.labels)]) {
        expect(label.length).toBeLessThanOrEqual(63);
      }
      // `kubectl apply` refuses an object whose name the API server makes.
      expect(text).toContain('| kubectl create -f -');
    }
  });
});

describe('the Helm chart', () => {
  it('is what its source makes (npm run manifests)', () => {
    const files = readdirSync(join(FOLDER, 'chart'), { recursive: true, withFileTypes: true });
    const paths = files.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
    const committed = paths.map((path) => path.slice(join(FOLDER, 'chart/').length));
    const expected = chartFiles();
    expect(committed.sort()).toEqual([...expected.keys()].sort());
    expect(committed.filter((path) => read(join('chart', path)) !== expected.get(path))).toEqual([]);
  });

  it('gives the plain manifest with the default values', () => {
    const plain = [...renderedChart()].filter(([path]) => /^templates\/[^/]*$/.test(path));
    expect(plain.map(([, object]) => object)).toEqual(objects(defaults));
  });

  it('has the defaults of its schema as values', () => {
    expect(parseYaml(read('chart/values.yaml'))).toEqual(DEFAULT_VALUES);
  });
});

/** Each value that is no object, with its path. */
function leaves(value: unknown, path: string): [string, unknown][] {
  if (typeof value !== 'object' || value === null) return [[path, value]];
  return Object.entries(value).flatMap(([key, item]) => leaves(item, `${path}.${key}`));
}

function leavesOfChart(changed: Partial<Values>): ReadonlyMap<string, unknown> {
  return new Map([...renderedChart(changed).values()].flatMap((object) => leaves(object, object.kind)));
}

const CONTAINER = 'DaemonSet.spec.template.spec.containers.0';
const withDefaults = leavesOfChart({});

/** What the chart with this one value has otherwise than with the defaults, by path; the names of variables for their places. */
function changesBy(name: keyof Values): Record<string, unknown> {
  const changed = leavesOfChart({ [name]: OTHER_VALUES[name] });
  expect([...withDefaults.keys()].filter((path) => !changed.has(path) && name !== 'resources')).toEqual([]);
  const entries = [...changed].filter(([path, value]) => withDefaults.get(path) !== value);
  const place = /^DaemonSet.*\.env\.(\d+)\.value$/;
  return Object.fromEntries(
    entries.map(([path, value]) => [path.replace(place, (_, at: string) => container.env[Number(at)]!.name), value]),
  );
}

const SCHEMA = JSON.parse(read('chart/values.schema.json')) as { readonly properties: object };
const schema = Compile(SCHEMA);

/** Where the schema finds a fault in values. */
function faultsOf(values: object): string[] {
  const [, faults] = schema.Errors(values);
  return faults.filter(({ keyword }) => keyword !== 'boolean').map((fault) => `${fault.instancePath} ${fault.keyword}`);
}

describe('values of the chart', () => {
  it('that are the defaults, or all other ones, satisfy the schema', () => {
    expect(faultsOf(DEFAULT_VALUES)).toEqual([]);
    expect(faultsOf(OTHER_VALUES)).toEqual([]);
    expect([...Object.keys(OTHER_VALUES), 'global']).toEqual(Object.keys(SCHEMA.properties));
    expect(Object.keys(OTHER_VALUES.settings)).toEqual(Object.keys(ValuesSchema.properties.settings.properties));
  });

  it.each<[string, object, string]>([
    ['an unknown value', { imag: 'heddle' }, ' additionalProperties'],
    ['an unknown setting', { settings: { clusterCidr: [] } }, '/settings additionalProperties'],
    ['a setting that is the same in all clusters', { settings: { stateDir: '/x' } }, '/settings additionalProperties'],
    ['a setting of another type', { settings: { masquerade: 'no' } }, '/settings/masquerade type'],
    ['a port as text', { apiPort: '6786' }, '/apiPort type'],
    ['a port that is none', { metricsPort: 65536 }, '/metricsPort maximum'],
    ['an unknown trust', { trust: 'nobody' }, '/trust enum'],
    ['no image', { image: '' }, '/image minLength'],
    ['a relative folder', { cniBinDir: 'opt/cni/bin' }, '/cniBinDir pattern'],
  ])('are refused by name with %s', (_, changed, fault) => {
    expect(faultsOf({ ...DEFAULT_VALUES, ...changed })).toEqual([fault]);
  });

  it.each<[keyof Values, Record<string, unknown>]>([
    ['image', { 'Pod.spec.containers.0.image': OTHER_VALUES.image, [`${CONTAINER}.image`]: OTHER_VALUES.image }],
    [
      'imagePullPolicy',
      { 'Pod.spec.containers.0.imagePullPolicy': 'Never', [`${CONTAINER}.imagePullPolicy`]: 'Never' },
    ],
    ['secretName', { 'DaemonSet.spec.template.spec.volumes.8.secret.secretName': 'other-secret' }],
    ['trust', { HEDDLE_TRUST: 'secret' }],
    ['settings', { 'ConfigMap.data.config.yaml': JSON.stringify(OTHER_VALUES.settings) }],
    [
      'apiPort',
      {
        HEDDLE_API_PORT: '7001',
        [`${CONTAINER}.readinessProbe.httpGet.port`]: 7001,
        [`${CONTAINER}.livenessProbe.httpGet.port`]: 7001,
      },
    ],
    ['metricsAddress', { HEDDLE_METRICS_ADDRESS: '0.0.0.0' }],
    ['metricsPort', { HEDDLE_METRICS_PORT: '7002' }],
    [
      'cniBinDir',
      {
        HEDDLE_CNI_BIN_DIR: '/other/bin',
        [`${CONTAINER}.volumeMounts.3.mountPath`]: '/other/bin',
        'DaemonSet.spec.template.spec.volumes.3.hostPath.path': '/other/bin',
      },
    ],
    [
      'cniConfDir',
      {
        HEDDLE_CNI_CONF_DIR: '/other/net.d',
        [`${CONTAINER}.volumeMounts.4.mountPath`]: '/other/net.d',
        'DaemonSet.spec.template.spec.volumes.4.hostPath.path': '/other/net.d',
      },
    ],
    ['resources', { [`${CONTAINER}.resources.requests.cpu`]: '1', [`${CONTAINER}.resources.limits.memory`]: '1Gi' }],
    ['maxSurge', { 'DaemonSet.spec.updateStrategy.rollingUpdate.maxSurge': '20%' }],
  ])('change with %s what it is about, and nothing else', (name, changes) => {
    expect(changesBy(name)).toEqual(changes);
  });

  it('make the objects of monitoring with monitoring, at the port of the metrics', () => {
    const [monitor, rules] = monitoringManifest()
      .split(/^---\n/m)
      .slice(1)
      .map(parseYaml);
    const chart = renderedChart({ monitoring: true });
    expect(chart.get('templates/monitoring/pod-monitor.yaml')).toEqual(monitor);
    expect(chart.get('templates/monitoring/rules.yaml')).toEqual(rules);
    expect(chart.get('templates/monitoring/dashboard.yaml')).toMatchObject({
      kind: 'ConfigMap',
      data: { 'heddle.json': DASHBOARD_FILE },
    });
    expect([...chart.keys()].filter((path) => !renderedChart().has(path))).toHaveLength(3);
    const other = JSON.stringify(renderedChart(OTHER_VALUES).get('templates/monitoring/pod-monitor.yaml'));
    expect(other).toContain('{"targetLabel":"__tmp_port","replacement":"7002"}');
  });

  it('give settings that the agent takes', () => {
    const file = JSON.stringify(OTHER_VALUES.settings);
    const config = loadConfig([], { HEDDLE_NODE_NAME: 'node-1' }, (path) =>
      path === '/etc/heddle/config.yaml' ? file : null,
    );
    expect(config).toMatchObject(OTHER_VALUES.settings);
  });
});
