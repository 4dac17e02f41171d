/**
 * Policy of the API server for what the service account may change of Nodes (ValidatingAdmissionPolicy, Kubernetes 1.30 and newer),
 * since RBAC knows no fields: on the Node that its token is bound to the annotation with the key, the condition
 * NetworkUnavailable, and taints of ours, which may only go. Of other Nodes nothing.
 */
import { NODE_KEY_ANNOTATION } from '../../common/kubernetes-names.js';

const ADMISSION = 'admissionregistration.k8s.io/v1';

interface Validation {
  readonly message: string;
  /** CEL. */
  readonly expression: string;
}

/** @param name of the service account, and of the objects. @param metadata makes a new one for each object */
export function admissionPolicy(name: string, metadata: () => object): object[] {
  const policy = policySpec(name);
  const binding = { policyName: name, validationActions: ['Deny'] };
  return [
    { apiVersion: ADMISSION, kind: 'ValidatingAdmissionPolicy', metadata: metadata(), spec: policy },
    { apiVersion: ADMISSION, kind: 'ValidatingAdmissionPolicyBinding', metadata: metadata(), spec: binding },
  ];
}

function policySpec(name: string): object {
  return {
    failurePolicy: 'Fail',
    matchConstraints: {
      resourceRules: [
        { apiGroups: [''], apiVersions: ['v1'], operations: ['UPDATE'], resources: ['nodes', 'nodes/status'] },
      ],
    },
    matchConditions: [
      {
        name: 'service-account',
        expression: `request.userInfo.username.matches('^system:serviceaccount:[^:]+:${name}$')`,
      },
    ],
    validations: validations(),
  };
}

function validations(): Validation[] {
  return [
    {
      message: 'a node may change its own Node object only',
      expression: [
        "'authentication.kubernetes.io/node-name' in request.userInfo.extra",
        "request.userInfo.extra['authentication.kubernetes.io/node-name'][0] == object.metadata.name",
      ].join(' && '),
    },
    {
      message: `of the annotations only ${NODE_KEY_ANNOTATION} may change`,
      expression: sameBut('object.metadata.?annotations', 'oldObject.metadata.?annotations'),
    },
    {
      message: 'labels, finalizers and owners may not change',
      expression: ['labels', 'finalizers', 'ownerReferences']
        .map((field) => unchanged(`metadata.?${field}`))
        .join(' && '),
    },
    {
      message: 'of the specification only taints of heddle.io may change: they may be taken away',
      expression: [
        ...['podCIDR', 'podCIDRs', 'providerID', 'unschedulable', 'configSource'].map((field) =>
          unchanged(`spec.?${field}`),
        ),
        'object.spec.?taints.orValue([]).all(t, t in oldObject.spec.?taints.orValue([]))',
        "oldObject.spec.?taints.orValue([]).all(t, t.key.startsWith('heddle.io/') || t in object.spec.?taints.orValue([]))",
      ].join(' && '),
    },
    {
      message: 'of the status only the condition NetworkUnavailable may change',
      expression: [
        ...['addresses', 'capacity', 'allocatable', 'daemonEndpoints', 'nodeInfo'].map((field) =>
          unchanged(`status.?${field}`),
        ),
        sameConditions('object', 'oldObject'),
        sameConditions('oldObject', 'object'),
      ].join(' && '),
    },
  ];
}

function unchanged(field: string): string {
  return `object.${field} == oldObject.${field}`;
}

/** Two maps that are equal but for our key. */
function sameBut(a: string, b: string): string {
  const within = (one: string, other: string) =>
    `${one}.orValue({}).all(k, k == '${NODE_KEY_ANNOTATION}' || (k in ${other}.orValue({}) && ${one}.orValue({})[k] == ${other}.orValue({})[k]))`;
  return `${within(a, b)} && ${within(b, a)}`;
}

function sameConditions(one: string, other: string): string {
  return `${one}.status.?conditions.orValue([]).all(c, c.type == 'NetworkUnavailable' || c in ${other}.status.?conditions.orValue([]))`;
}
