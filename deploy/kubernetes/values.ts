/**
 * Values of the Helm chart: names, defaults, and the JSON Schema that Helm checks them against. The plain manifest is made
 * with the defaults. Settings of the nodes are checked by the schema of `meshd`.
 */
import { Type } from 'typebox';
import type { Static } from 'typebox';
import { DEFAULT_API_PORT, DEFAULT_METRICS_PORT } from '../../common/api.js';
import { ConfigSchema } from '../../common/config.js';
import { HEDDLE_VERSION } from '../../common/version.js';

/** Settings that differ between nodes, or that the pod's mounts and probes depend on; values of the chart set some of them. */
const FIXED_SETTINGS = [
  ...([
    'nodeName',
    'podCidrs',
    'listenAddress',
    'kubernetes',
    'trust',
    'kubernetesCredentials',
    'apiPort',
    'takeOver',
    'metricsAddress',
    'metricsPort',
    'cniBinDir',
    'cniConfDir',
  ] as const),
  ...(['clusterSecretFile', 'trustedKeysFile', 'stateDir', 'runDir', 'apiSocket'] as const),
] as const;

export const ValuesSchema = Type.Object(
  {
    image: Type.String({
      default: `localhost/heddle:${HEDDLE_VERSION}`,
      minLength: 1,
      description: 'Image of the node service. No registry holds it: npm run image makes it, each node imports it',
    }),
    imagePullPolicy: Type.Enum(['IfNotPresent', 'Always', 'Never'], { default: 'IfNotPresent' }),
    secretName: Type.String({
      default: 'heddle-cluster-secret',
      minLength: 1,
      description:
        'Secret with the key cluster-secret, 32 bytes as hex or base64. It need not exist with trust kubernetes',
    }),
    trust: Type.Enum(['secret', 'kubernetes'], {
      default: 'kubernetes',
      description:
        'Who may be a node: all that have the cluster secret, or those whose key is on a Node, with or without a secret',
    }),
    settings: Type.Partial(Type.Omit(ConfigSchema, FIXED_SETTINGS), {
      default: {},
      additionalProperties: false,
      description: 'Settings of meshd (docs/operations.md), for instance clusterCidrs or masquerade',
    }),
    apiPort: Type.Integer({
      default: DEFAULT_API_PORT,
      minimum: 1,
      maximum: 65535,
      description: 'TCP port of probes, page and metrics on 127.0.0.1 of each node',
    }),
    metricsAddress: Type.String({
      default: '',
      description: 'Address at which Prometheus reads the metrics of each node, for instance 0.0.0.0. None when empty',
    }),
    metricsPort: Type.Integer({
      default: DEFAULT_METRICS_PORT,
      minimum: 1,
      maximum: 65535,
      description: 'TCP port of the metrics at that address, on each node',
    }),
    monitoring: Type.Boolean({
      default: false,
      description:
        'Make a PodMonitor, a PrometheusRule and a dashboard, which the Prometheus operator and Grafana read',
    }),
    cniBinDir: Type.String({
      default: '/opt/cni/bin',
      pattern: '^/',
      description: 'Folder of CNI plugins of the container runtime',
    }),
    cniConfDir: Type.String({
      default: '/etc/cni/net.d',
      pattern: '^/',
      description: 'Folder of CNI configurations of the container runtime',
    }),
    resources: Type.Object(
      {},
      {
        // Idle with 100 peers: 0.041 of a core, 165 MiB with the stand-by (docs/measurements.md, "An idle node").
        default: { requests: { cpu: '50m', memory: '192Mi' } },
        description: 'Resources of the container. A limit of CPU delays packets',
      },
    ),
    maxSurge: Type.Union([Type.Integer({ minimum: 1 }), Type.String({ pattern: '^[0-9]+%$' })], {
      default: 1,
      description: 'Nodes that are updated at a time: each by a next pod beside the former one, which hands over',
    }),
  },
  { additionalProperties: false },
);
export type Values = Static<typeof ValuesSchema>;

interface Described {
  readonly default: unknown;
  readonly description?: string;
}

const VALUES = Object.entries(ValuesSchema.properties as unknown as Readonly<Record<string, Described>>);

/** Description of each value, for the comments in `values.yaml`. */
export const VALUE_DESCRIPTIONS: Readonly<Record<string, string | undefined>> = Object.fromEntries(
  VALUES.map(([name, schema]) => [name, schema.description]),
);

export const DEFAULT_VALUES = Object.fromEntries(VALUES.map(([name, schema]) => [name, schema.default])) as Values;
