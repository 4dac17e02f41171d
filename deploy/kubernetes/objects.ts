/**
 * Kubernetes objects of Heddle, of which both the plain manifest and the chart are made: accounts with their rights, settings,
 * and the DaemonSet.
 */
import { admissionPolicy } from './admission-policy.js';
import { nodePod } from './node-pod.js';
import type { ValueSource } from './value-source.js';

const NAME = 'heddle';
export const APP_LABEL = 'app.kubernetes.io/name';

const KUBEADM_ROLE = `${NAME}-kubeadm-config`;
const EVENTS_ROLE = `${NAME}-events`;
/** In which Kubernetes keeps the events of objects that have no namespace. */
const EVENTS_NAMESPACE = 'default';
const RBAC = 'rbac.authorization.k8s.io';

/**
 * A pod's probes ask the node's API, which the former pod answers until it has handed over, 2 to 4 s after the start of the next.
 * The former one is deleted when the next has been ready for so long.
 */
const HANDED_OVER_AFTER_S = 15;

/** A new object for each place: the YAML writer makes an alias of one that occurs twice. */
const labels = () => ({ [APP_LABEL]: NAME });

export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Readonly<Record<string, unknown>>;
}

export function objects(source: ValueSource): readonly KubernetesObject[] {
  const metadata = () => ({ name: NAME, labels: labels() });
  const policy = admissionPolicy(NAME, metadata) as KubernetesObject[];
  return [...accounts(source), ...policy, settings(source), daemonSet(source)];
}

/**
 * The agent reads nodes, what network policies need, and kubeadm's record of CIDRs; it changes its own Node
 * (`admission-policy.ts`), and makes events of it.
 */
function accounts({ namespace }: ValueSource): KubernetesObject[] {
  const subject = { kind: 'ServiceAccount', name: NAME, namespace };
  const metadata = () => ({ name: NAME, labels: labels() });
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { ...metadata(), namespace } },
    {
      ...{ apiVersion: `${RBAC}/v1`, kind: 'ClusterRole', metadata: metadata() },
      rules: [
        { apiGroups: [''], resources: ['nodes'], verbs: ['get', 'list', 'watch', 'patch'] },
        { apiGroups: [''], resources: ['nodes/status'], verbs: ['patch'] },
        { apiGroups: [''], resources: ['pods', 'namespaces'], verbs: ['list', 'watch'] },
        { apiGroups: ['networking.k8s.io'], resources: ['networkpolicies'], verbs: ['list', 'watch'] },
        {
          ...{ apiGroups: ['policy.networking.k8s.io'], resources: ['clusternetworkpolicies'] },
          verbs: ['list', 'watch'],
        },
      ],
    },
    {
      ...{ apiVersion: `${RBAC}/v1`, kind: 'ClusterRoleBinding', metadata: metadata() },
      roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: NAME },
      subjects: [{ ...subject }],
    },
    ...roleInNamespace(KUBEADM_ROLE, 'kube-system', subject, [
      { apiGroups: [''], resources: ['configmaps'], resourceNames: ['kubeadm-config'], verbs: ['get'] },
    ]),
    ...roleInNamespace(EVENTS_ROLE, EVENTS_NAMESPACE, subject, [
      { apiGroups: [''], resources: ['events'], verbs: ['create'] },
    ]),
  ] as KubernetesObject[];
}

function roleInNamespace(name: string, namespace: string, subject: object, rules: object[]): object[] {
  const metadata = () => ({ name, namespace, labels: labels() });
  return [
    { ...{ apiVersion: `${RBAC}/v1`, kind: 'Role', metadata: metadata() }, rules },
    {
      ...{ apiVersion: `${RBAC}/v1`, kind: 'RoleBinding', metadata: metadata() },
      roleRef: { apiGroup: RBAC, kind: 'Role', name },
      subjects: [{ ...subject }],
    },
  ];
}

/** JSON is YAML. A running node follows changes of most settings. */
function settings(source: ValueSource): KubernetesObject {
  const metadata = { name: NAME, namespace: source.namespace, labels: labels() };
  const data = { 'config.yaml': source.json('settings') };
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata, data } as KubernetesObject;
}

function daemonSet(source: ValueSource): KubernetesObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: NAME, namespace: source.namespace, labels: labels() },
    spec: {
      selector: { matchLabels: labels() },
      updateStrategy: {
        type: 'RollingUpdate',
        rollingUpdate: { maxSurge: source.value('maxSurge'), maxUnavailable: 0 },
      },
      minReadySeconds: HANDED_OVER_AFTER_S,
      template: { metadata: { labels: labels() }, spec: nodePod(source, NAME) },
    },
  } as KubernetesObject;
}
