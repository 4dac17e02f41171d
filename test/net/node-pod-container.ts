/**
 * Messages of the runtime interface for the pod of the node service, made from its specification in the manifest as a kubelet
 * makes them. What the manifest's pod does not use is not translated.
 */
import { nodePod } from '../../deploy/kubernetes/node-pod.js';
import { defaults } from '../../deploy/kubernetes/value-source.js';
import type { ValueSource } from '../../deploy/kubernetes/value-source.js';
import type { Values } from '../../deploy/kubernetes/values.js';
import { HOST_NETWORK } from './containerd-node.js';
import type { Message } from './cri-messages.js';

interface PodSpec {
  readonly hostNetwork: boolean;
  readonly terminationGracePeriodSeconds: number;
  readonly containers: readonly [ContainerSpec];
  readonly volumes: readonly VolumeSpec[];
}
interface ContainerSpec {
  readonly name: string;
  readonly image: string;
  readonly env: readonly { readonly name: string; readonly value?: string }[];
  readonly readinessProbe: { readonly httpGet: { readonly path: string; readonly port: number } };
  readonly securityContext: {
    readonly readOnlyRootFilesystem: boolean;
    readonly capabilities: { readonly drop: readonly string[]; readonly add: readonly string[] };
  };
  readonly volumeMounts: readonly {
    readonly name: string;
    readonly mountPath: string;
    readonly readOnly?: boolean;
    readonly mountPropagation?: string;
  }[];
}
interface VolumeSpec {
  readonly name: string;
  readonly hostPath?: { readonly path: string; readonly type: string };
}

/** Of runtime.v1: mounts that come later are seen; no profile. */
const HOST_TO_CONTAINER = 1;
const UNCONFINED = { type: 1 };
/** What a kubelet hides from containers that are not privileged (defaultMaskedPaths, defaultReadonlyPaths). */
const MASKED = ['acpi', 'kcore', 'keys', 'latency_stats', 'timer_list', 'timer_stats', 'sched_debug', 'scsi'];
const READ_ONLY = ['bus', 'fs', 'irq', 'sys', 'sysrq-trigger'];

/** @param values instead of the defaults of the chart */
export function nodePodSpec(values: Partial<Values>): PodSpec {
  const source: ValueSource = {
    ...defaults,
    value: (name) => values[name] ?? defaults.value(name),
  };
  return nodePod(source, 'heddle') as PodSpec;
}

/**
 * @param nodeName that the container finds in its environment
 * @param folders of the volumes that are not folders of the host, by the volume's name
 */
export function nodeContainer(pod: PodSpec, nodeName: string, folders: Readonly<Record<string, string>>): Message {
  const [{ name, image, env, securityContext }] = pod.containers;
  return {
    metadata: { name, attempt: 0 },
    image: { image },
    envs: env.map(({ name: key, value = nodeName }) => ({ key, value })),
    mounts: mounts(pod, folders),
    linux: {
      securityContext: {
        namespaceOptions: HOST_NETWORK,
        capabilities: {
          add: securityContext.capabilities.add,
          drop: securityContext.capabilities.drop,
        },
        readonlyRootfs: securityContext.readOnlyRootFilesystem ? 1 : 0,
        maskedPaths: [...MASKED.map((path) => `/proc/${path}`), '/sys/firmware'],
        readonlyPaths: READ_ONLY.map((path) => `/proc/${path}`),
        seccomp: UNCONFINED,
        apparmor: UNCONFINED,
      },
    },
  };
}

function mounts(
  { containers: [{ volumeMounts }], volumes }: PodSpec,
  folders: Readonly<Record<string, string>>,
): object[] {
  return volumeMounts.map(({ name, mountPath, readOnly = false, mountPropagation }) => {
    const { hostPath } = volumes.find((volume) => volume.name === name)!;
    return {
      containerPath: mountPath,
      hostPath: hostPath?.path ?? folders[name],
      readonly: readOnly ? 1 : 0,
      propagation: mountPropagation === 'HostToContainer' ? HOST_TO_CONTAINER : 0,
    };
  });
}
