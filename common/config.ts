/**
 * Schema of the settings of `meshd`: types, ranges, defaults and descriptions. Where values come from (flags, `HEDDLE_*`
 * environment, a YAML file) is in `agent/config/config-sources.ts`.
 */
import { Type } from 'typebox';
import type { Static } from 'typebox';
import { DEFAULT_API_PORT, DEFAULT_METRICS_PORT, DEFAULT_API_SOCKET } from './api.js';
import { LOG_LEVELS } from './log-levels.js';

/**
 * Processes of one user may end each other, and many run as 65534. Neither systemd nor distributions give this id away
 * (systemd `UIDS-GIDS.md`: 65520 to 65533 are unused).
 */
const DEFAULT_ROUTER_USER = 65520;
/** UDP port between nodes. Not 4789 or 8472, which some networks treat as VXLAN. */
const DEFAULT_UNDERLAY_PORT = 6785;

export const ConfigSchema = Type.Object(
  {
    nodeName: Type.String({
      default: '',
      maxLength: 253,
      description: 'Name shown to people; the host name when empty',
    }),
    podCidrs: Type.Array(Type.String(), { default: [], description: 'Pod CIDRs of this node' }),
    clusterCidrs: Type.Array(Type.String(), { default: [], description: 'Address ranges of all pods of the cluster' }),
    seeds: Type.Array(Type.String(), { default: [], description: 'A few nodes to join by: host, ip, host:port' }),
    listenAddress: Type.String({ default: '', description: 'Underlay address to bind; all addresses when empty' }),
    listenPort: Type.Integer({ default: DEFAULT_UNDERLAY_PORT, minimum: 1, maximum: 65535 }),
    underlayMtu: Type.Integer({
      default: 0,
      description: 'MTU towards the peers; from the interface when 0',
      minimum: 0,
      maximum: 65535,
    }),
    podMtu: Type.Integer({
      default: 0,
      description: 'MTU of pods; what fits one datagram when 0',
      minimum: 0,
      maximum: 65535,
    }),
    clusterSecretFile: Type.String({ default: '/etc/heddle/cluster-secret', description: '32 bytes as hex or base64' }),
    trustedKeysFile: Type.String({
      default: '/etc/heddle/trusted-keys',
      description:
        'With `trust: keys`, a line for each node: name, public key, and pod CIDRs if it may claim no others',
    }),
    stateDir: Type.String({ default: '/var/lib/heddle' }),
    runDir: Type.String({ default: '/run/heddle', description: 'Sockets; emptied at boot' }),
    apiSocket: Type.String({ default: DEFAULT_API_SOCKET }),
    apiAddress: Type.String({
      default: '127.0.0.1',
      description: 'Loopback address of the page and metrics; none when empty',
    }),
    apiPort: Type.Integer({ default: DEFAULT_API_PORT, minimum: 0, maximum: 65535 }),
    metricsAddress: Type.String({
      default: '',
      description: 'Address at which other machines read the metrics, without a password; none when empty',
    }),
    metricsPort: Type.Integer({ default: DEFAULT_METRICS_PORT, minimum: 0, maximum: 65535 }),
    bridgeName: Type.String({ default: 'heddle0', pattern: '^[a-z][a-z0-9-]{0,14}$' }),
    tapName: Type.String({ default: 'heddle-tap', pattern: '^[a-z][a-z0-9-]{0,14}$' }),
    routerUser: Type.Integer({
      default: DEFAULT_ROUTER_USER,
      minimum: 1,
      description: 'User and group id the router runs as, of no other program',
    }),
    lanes: Type.Integer({
      default: 0,
      minimum: 0,
      maximum: 16,
      description: 'Forwarding threads; when 0 two, or one where there is one processor',
    }),
    cipher: Type.Union([Type.Literal('auto'), Type.Literal('aes-256-gcm'), Type.Literal('chacha20-poly1305')], {
      default: 'auto',
    }),
    takeOver: Type.Boolean({
      default: false,
      description: 'Take over from a meshd that runs with this runDir; without it, a second one ends with an error',
    }),
    masquerade: Type.Boolean({ default: true, description: 'Source NAT from pods to the outside' }),
    networkPolicies: Type.Boolean({
      default: true,
      description: 'Keep the network policies of Kubernetes; when off, pods are open to each other',
    }),
    cniConfDir: Type.String({
      default: '',
      description: 'Where to install the CNI configuration; not installed when empty',
    }),
    cniBinDir: Type.String({
      default: '',
      description: 'Where to install the CNI executable; not installed when empty',
    }),
    cniVersion: Type.String({ default: '1.0.0', description: 'cniVersion of the installed configuration' }),
    cniChain: Type.String({
      default: '',
      description: 'Further plugins of the installed CNI configuration, a JSON list of their configurations',
    }),
    kubernetes: Type.Boolean({
      default: false,
      description: "Take pod CIDRs, cluster CIDRs and seeds from the cluster's API server where they are not set",
    }),
    kubernetesApi: Type.String({
      default: '',
      description: 'Address of the API server; the one in KUBERNETES_SERVICE_HOST when empty',
    }),
    kubernetesCredentials: Type.String({
      default: '/var/run/secrets/kubernetes.io/serviceaccount',
      description: 'Folder with `token` and `ca.crt` of a service account',
    }),
    trust: Type.Union([Type.Literal('secret'), Type.Literal('keys'), Type.Literal('kubernetes')], {
      default: 'secret',
      description:
        'Who may be a node: all that have the cluster secret, or, with or without a secret, those whose key is in trustedKeysFile or on a Node',
    }),
    kubernetesStartupTaint: Type.String({
      default: '',
      maxLength: 317,
      description:
        'Key of a taint of the Node that is taken away once pods can be attached, for instance heddle.io/not-ready',
    }),
    logLevel: Type.Enum(LOG_LEVELS, { default: 'info' }),
  },
  { additionalProperties: false },
);
export type Config = Static<typeof ConfigSchema>;

/** Settings that a running node follows. The others are read once, when `meshd` starts. */
export const RELOADABLE_SETTINGS = [
  'nodeName',
  'podCidrs',
  'clusterCidrs',
  'seeds',
  'underlayMtu',
  'podMtu',
  'clusterSecretFile',
  'trustedKeysFile',
  'masquerade',
  'networkPolicies',
  'cniVersion',
  'cniChain',
] as const satisfies readonly (keyof Config)[];
