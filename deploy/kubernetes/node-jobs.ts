/**
 * Jobs for one node: the preflight before the installation, and the clean-up after the DaemonSet is gone. Each node gets its own
 * Job, so that none is left out and each reports for itself; `NAME-OF-NODE` in the file stands for the name of the Node. The API
 * server makes the Job's name: one with that of the Node in it may exceed 63 characters, and could not be made a second time.
 */
import { formatYaml } from '../../common/codec/yaml.js';
import { GENERATED } from './chart.js';
import { container, environment, hostPath, volumes } from './node-pod.js';
import type { MountedVolume } from './node-pod.js';
import { APP_LABEL } from './objects.js';
import type { KubernetesObject } from './objects.js';
import { defaults } from './value-source.js';

const NODE = 'NAME-OF-NODE';
/** Exit code 4 of `meshctl` is a warning. The log begins with the Node, which names of Job and pod do not have. */
const meshctl = (words: string) => [
  'sh',
  '-c',
  `echo 'Node ${NODE}'; /opt/heddle/start.sh meshctl ${words} || [ $? -eq 4 ]`,
];

interface NodeJob {
  readonly name: string;
  readonly command: readonly string[];
  readonly env: readonly object[];
  readonly volumes: readonly MountedVolume[];
}

function nodeJob({ name, command, env, volumes: mounted }: NodeJob): KubernetesObject {
  const labels = () => ({ [APP_LABEL]: name });
  const { image, imagePullPolicy, securityContext } = container(defaults);
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { generateName: `${name}-`, namespace: defaults.namespace, labels: labels() },
    spec: {
      backoffLimit: 0,
      template: {
        metadata: { labels: labels() },
        spec: {
          // Given to the kubelet directly: a node without network has a taint that keeps the scheduler away.
          nodeName: NODE,
          hostNetwork: true,
          dnsPolicy: 'Default',
          restartPolicy: 'Never',
          automountServiceAccountToken: false,
          tolerations: [{ operator: 'Exists' }],
          containers: [
            {
              ...{ name: 'meshctl', image, imagePullPolicy, command, env, securityContext },
              volumeMounts: mounted.map(({ name: volume, mount }) => ({ name: volume, ...mount })),
            },
          ],
          volumes: mounted.map(({ name: volume, volume: source }) => ({ name: volume, ...source })),
        },
      },
    },
  } as KubernetesObject;
}

/** With what the node service would have; settings and Secret may not exist yet. */
function preflightJob(): KubernetesObject {
  const mounted = volumes(defaults).map((one) =>
    one.name === 'settings' ? { ...one, volume: { configMap: { name: 'heddle', optional: true } } } : one,
  );
  return nodeJob({
    name: 'heddle-preflight',
    command: meshctl('preflight'),
    env: environment(defaults),
    volumes: mounted,
  });
}

/** Without settings: it finds what is there by the mark on the bridge and the record in the state directory. */
function cleanUpJob(): KubernetesObject {
  const folder = (name: string, path: string, more = {}) => hostPath(name, path, 'DirectoryOrCreate', more);
  const kept = volumes(defaults).filter(({ name }) => ['cni-bin', 'cni-conf'].includes(name));
  return nodeJob({
    name: 'heddle-clean-up',
    command: meshctl('uninstall --purge'),
    env: [],
    // The parents of Heddle's folders, so that these can be removed too; namespaces of pods are mounts below /run.
    volumes: [folder('run', '/run', { mountPropagation: 'HostToContainer' }), folder('lib', '/var/lib'), ...kept],
  });
}

export function nodeJobs(): readonly KubernetesObject[] {
  return [preflightJob(), cleanUpJob()];
}

export function jobFile(job: KubernetesObject): string {
  const name = jobName(job);
  const usage = `#
# One Job per node, on all nodes:
#   for node in $(kubectl get nodes -o name | cut -d/ -f2); do
#     sed "s/${NODE}/$node/" deploy/kubernetes/${fileName(job)} | kubectl create -f -
#   done
#   kubectl -n ${defaults.namespace} wait --for=condition=Complete --timeout=2m job -l ${APP_LABEL}=${name}
#   kubectl -n ${defaults.namespace} logs --prefix -l ${APP_LABEL}=${name} --tail=-1
#   kubectl -n ${defaults.namespace} delete job -l ${APP_LABEL}=${name}
`;
  return `${GENERATED}${usage}${formatYaml(job)}`;
}

export function fileName(job: KubernetesObject): string {
  return `${jobName(job).replace(/^heddle-/, '')}.yaml`;
}

/** Without what the API server appends. */
function jobName({ metadata }: KubernetesObject): string {
  return String(metadata['generateName']).slice(0, -1);
}
