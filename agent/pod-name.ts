/** Name of a pod for people, here and on other nodes. */

const CONTAINER_ID_DIGITS = 12;

export interface NamedPod {
  readonly containerId: string;
  readonly podNamespace: string | null;
  readonly podName: string | null;
}

/** `namespace/name` as far as the runtime told them, else the container id as runtimes shorten it. */
export function podNameOf({ containerId, podNamespace, podName }: NamedPod): string {
  if (podName === null) return containerId.slice(0, CONTAINER_ID_DIGITS);
  return podNamespace === null ? podName : `${podNamespace}/${podName}`;
}
