/**
 * Pod of the node service, one per node, in the node's network namespace. It needs no init container: the agent itself puts
 * the CNI executable and the configuration list in place, each by a rename.
 */
import { DEFAULT_API_SOCKET } from '../../common/api.js';
import { NEEDED_CAPABILITIES } from '../../common/host/capabilities.js';
import type { ValueSource } from './value-source.js';

/** The agent's and the router's patience while they are stopped is 5 s each. */
const STOP_WITHIN_S = 15;
const SETTINGS_FOLDER = '/etc/heddle';
const SECRET_FOLDER = '/etc/heddle-secret';
/** Paths that are the same on the host, since the CNI executable there is told them. */
export const RUN_FOLDER = '/run/heddle';
const STATE_FOLDER = '/var/lib/heddle';
const READ_BY_ROOT_ONLY = 0o400;

export function nodePod(source: ValueSource, account: string): object {
  return {
    serviceAccountName: account,
    hostNetwork: true,
    dnsPolicy: 'Default',
    priorityClassName: 'system-node-critical',
    nodeSelector: { 'kubernetes.io/os': 'linux' },
    tolerations: [{ operator: 'Exists' }],
    terminationGracePeriodSeconds: STOP_WITHIN_S,
    containers: [container(source)],
    volumes: volumes(source).map(({ name, volume }) => ({ name, ...volume })),
  };
}

export function container(source: ValueSource) {
  return {
    name: 'meshd',
    image: source.value('image'),
    imagePullPolicy: source.value('imagePullPolicy'),
    // No ports: on the host's network each would be a port of the host, and the scheduler refuses a second pod beside this one.
    env: environment(source),
    securityContext: {
      runAsUser: 0,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'], add: NEEDED_CAPABILITIES.map(({ name }) => name) },
      // The profiles of runtimes forbid to change mounts. The router confines itself by a filter of its own.
      appArmorProfile: { type: 'Unconfined' },
      seccompProfile: { type: 'Unconfined' },
    },
    resources: source.value('resources'),
    ...probes(source),
    volumeMounts: volumes(source).map(({ name, mount }) => ({ name, ...mount })),
  };
}

export function environment(source: ValueSource): object[] {
  return [
    { name: 'HEDDLE_NODE_NAME', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
    { name: 'HEDDLE_KUBERNETES', value: 'true' },
    { name: 'HEDDLE_TRUST', value: source.value('trust') },
    { name: 'HEDDLE_CLUSTER_SECRET_FILE', value: `${SECRET_FOLDER}/cluster-secret` },
    { name: 'HEDDLE_TAKE_OVER', value: 'true' },
    { name: 'HEDDLE_STATE_DIR', value: STATE_FOLDER },
    { name: 'HEDDLE_RUN_DIR', value: RUN_FOLDER },
    { name: 'HEDDLE_API_SOCKET', value: DEFAULT_API_SOCKET },
    { name: 'HEDDLE_API_PORT', value: source.text('apiPort') },
    { name: 'HEDDLE_METRICS_ADDRESS', value: source.value('metricsAddress') },
    { name: 'HEDDLE_METRICS_PORT', value: source.text('metricsPort') },
    { name: 'HEDDLE_CNI_BIN_DIR', value: source.value('cniBinDir') },
    { name: 'HEDDLE_CNI_CONF_DIR', value: source.value('cniConfDir') },
  ];
}

/** The supervisor replaces a hung agent or router within 7 s. The liveness probe is for a supervisor that hangs itself. */
function probes(source: ValueSource): object {
  const ask = (path: string) => ({ httpGet: { host: '127.0.0.1', path, port: source.value('apiPort') } });
  return {
    readinessProbe: { ...ask('/readyz'), periodSeconds: 5, timeoutSeconds: 3 },
    livenessProbe: {
      ...ask('/healthz'),
      initialDelaySeconds: 60,
      periodSeconds: 10,
      timeoutSeconds: 3,
      failureThreshold: 12,
    },
  };
}

export interface MountedVolume {
  readonly name: string;
  readonly volume: object;
  readonly mount: object;
}

export function volumes(source: ValueSource): MountedVolume[] {
  const folder = (name: string, path: string, more = {}) => hostPath(name, path, 'DirectoryOrCreate', more);
  return [
    folder('run', RUN_FOLDER),
    folder('state', STATE_FOLDER),
    // Namespaces of pods are mounts that come and go.
    folder('netns', '/run/netns', { mountPropagation: 'HostToContainer' }),
    folder('cni-bin', source.value('cniBinDir')),
    folder('cni-conf', source.value('cniConfDir')),
    hostPath('tun', '/dev/net/tun', 'CharDevice'),
    hostPath('xtables-lock', '/run/xtables.lock', 'FileOrCreate'),
    {
      name: 'settings',
      volume: { configMap: { name: 'heddle' } },
      mount: { mountPath: SETTINGS_FOLDER, readOnly: true },
    },
    {
      name: 'secret',
      volume: { secret: { secretName: source.value('secretName'), defaultMode: READ_BY_ROOT_ONLY, optional: true } },
      mount: { mountPath: SECRET_FOLDER, readOnly: true },
    },
  ];
}

export function hostPath(name: string, path: string, type: string, more = {}): MountedVolume {
  return { name, volume: { hostPath: { path, type } }, mount: { mountPath: path, ...more } };
}
