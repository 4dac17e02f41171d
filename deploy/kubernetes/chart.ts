/** Files of the Helm chart by path: description, values with their schema, templates, notes, and the pod of `helm test`. */
import { formatYaml } from '../../common/codec/yaml.js';
import { HEDDLE_VERSION } from '../../common/version.js';
import { RUN_FOLDER } from './node-pod.js';
import { monitoringChartFiles } from './monitoring.js';
import { APP_LABEL, objects } from './objects.js';
import type { KubernetesObject } from './objects.js';
import { formatTemplate, helm } from './value-source.js';
import { DEFAULT_VALUES, VALUE_DESCRIPTIONS, ValuesSchema } from './values.js';

export const GENERATED = '# Made by `npm run manifests` from deploy/kubernetes/*.ts; changes belong there.\n';

export function chartFiles(): ReadonlyMap<string, string> {
  const templates = objects(helm).map(
    (object) => [`templates/${templateName(object)}.yaml`, formatTemplate(object)] as const,
  );
  return new Map([
    ['Chart.yaml', GENERATED + formatYaml(description())],
    ['values.yaml', GENERATED + values()],
    ['values.schema.json', `${JSON.stringify(schema(), null, 2)}\n`],
    ['templates/NOTES.txt', NOTES],
    ['templates/tests/node-ready.yaml', formatTemplate(testPod())],
    ...templates,
    ...monitoringChartFiles(),
  ]);
}

/** By kind, and by what it is about where there are several of a kind. */
function templateName({ kind, metadata }: KubernetesObject): string {
  return [kind.toLowerCase(), String(metadata['name']).replace(/^heddle-?/, '')].filter(Boolean).join('-');
}

function description(): object {
  return {
    apiVersion: 'v2',
    name: 'heddle',
    description: 'Encrypted pod network',
    type: 'application',
    version: HEDDLE_VERSION,
    appVersion: HEDDLE_VERSION,
    // The field appArmorProfile.
    kubeVersion: '>=1.30.0-0',
  };
}

function values(): string {
  return Object.entries(DEFAULT_VALUES)
    .map(([name, value]) => {
      const about = VALUE_DESCRIPTIONS[name];
      return `\n${about === undefined ? '' : `# ${about}.\n`}${formatYaml({ [name]: value })}`;
    })
    .join('');
}

/** Helm merges `global` into the values of every chart. Without the defaults, which are in `values.yaml`. */
function schema(): object {
  const { properties, ...rest } = ValuesSchema;
  return { $schema: 'http://json-schema.org/draft-07/schema#', ...rest, properties: { ...properties, global: {} } };
}

const NOTES = `Heddle {{ .Chart.AppVersion }}: one pod of it per node.

{{- if and (eq .Values.trust "secret") (not (lookup "v1" "Secret" .Release.Namespace .Values.secretName)) }}

The Secret "{{ .Values.secretName }}" with the cluster secret is missing; the pods do not start without it:

  kubectl --namespace {{ .Release.Namespace }} create secret generic {{ .Values.secretName }} \\
    --from-literal=cluster-secret="$(openssl rand -hex 32)"
{{- end }}

When the pods are ready, the nodes are:

  kubectl --namespace {{ .Release.Namespace }} rollout status daemonset/heddle
  kubectl --namespace {{ .Release.Namespace }} exec daemonset/heddle -- meshctl nodes
  helm --namespace {{ .Release.Namespace }} test {{ .Release.Name }}
`;

/** A pod of the pod network, so that it starts only when its node attaches pods; it asks its node whether that is ready. */
function testPod(): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'heddle-test',
      namespace: helm.namespace,
      labels: { [APP_LABEL]: 'heddle-test' },
      annotations: { 'helm.sh/hook': 'test', 'helm.sh/hook-delete-policy': 'before-hook-creation,hook-succeeded' },
    },
    spec: {
      restartPolicy: 'Never',
      tolerations: [{ operator: 'Exists' }],
      containers: [
        {
          name: 'meshctl',
          image: helm.value('image'),
          imagePullPolicy: helm.value('imagePullPolicy'),
          // 4: ready, with a warning.
          command: ['sh', '-c', 'meshctl status --check || [ $? -eq 4 ]'],
          securityContext: { readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
          volumeMounts: [{ name: 'run', mountPath: RUN_FOLDER, readOnly: true }],
        },
      ],
      volumes: [{ name: 'run', hostPath: { path: RUN_FOLDER, type: 'Directory' } }],
    },
  };
}
