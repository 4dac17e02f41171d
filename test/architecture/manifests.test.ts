import { describe, expect, it } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CONFIG_FIELDS } from '../../agent/config/config-fields.js';
import { loadConfig } from '../../agent/config/config-sources.js';
import { parseYaml } from '../../common/codec/yaml.js';
import { chartFiles } from '../../deploy/kubernetes/chart.js';
import { fileName, jobFile, nodeJobs } from '../../deploy/kubernetes/node-jobs.js';
import { manifest } from '../../deploy/kubernetes/manifest.js';
import { objects } from '../../deploy/kubernetes/objects.js';
import { defaults } from '../../deploy/kubernetes/value-source.js';
import { DEFAULT_VALUES } from '../../deploy/kubernetes/values.js';
import { givenRights } from '../../kube/testing/needed-rights.js';
import type { Rule } from '../../kube/testing/needed-rights.js';
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

/** What Helm makes of a template that has no other expressions than those of `value-source.ts`, with the default values. */
function render(template: string): unknown {
  const scope: Readonly<Record<string, unknown>> = { ...DEFAULT_VALUES };
  const text = template.replace(
    /\{\{ toJson (\(?)(?:(toString|toJson) )?\.(\w+)\.(\w+)\)? \}\}/g,
    (_, _open, call, from, name) => {
      if (from === 'Release') return JSON.stringify(defaults.namespace);
      const value = scope[name as string];
      if (call === undefined) return JSON.stringify(value);
      return JSON.stringify(call === 'toString' ? String(value) : JSON.stringify(value));
    },
  );
  expect(text).not.toContain('{{');
  return parseYaml(text);
}

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
      return containers[0].command[2].split(' ').slice(0, 3).join(' ');
    });
    expect(commands).toEqual(['/opt/heddle/start.sh meshctl preflight', '/opt/heddle/start.sh meshctl uninstall']);
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
    const templates = [...chartFiles()].filter(([path]) => /^templates\/[^/]*\.yaml$/.test(path));
    expect(templates.map(([, text]) => render(text))).toEqual(objects(defaults));
  });

  it('has the defaults of its schema as values', () => {
    expect(parseYaml(read('chart/values.yaml'))).toEqual(DEFAULT_VALUES);
  });
});
