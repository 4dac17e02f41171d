/** Network policies on nodes of a cluster that serve Services: objects with its pods, and the table of each node. */
import type { DemoNode } from '../../deploy/demo/cluster/demo-node.js';
import type { Pod } from '../../deploy/demo/cluster/cluster.js';
import { compilerOf } from '../../policy/testing/agreement.js';
import type { ApiObjects, ApiPolicy } from '../../policy/testing/oracle.js';
import { parseIpAddress } from '../../common/address/ip-address.js';
import type { PolicyTable } from '../../policy/index.js';

const NAMESPACE = 'demo';

type Spec = ApiPolicy['spec'];

/** All pods are of one namespace, and have their name as label `app`. */
export function objectsWith(pods: readonly Pod[], specs: readonly Spec[]): ApiObjects {
  return {
    namespaces: [{ metadata: { name: NAMESPACE, labels: {} } }],
    pods: pods.map(({ name, ips }) => ({
      metadata: { namespace: NAMESPACE, name, uid: name, labels: { app: name } },
      spec: { containers: [] },
      status: { phase: 'Running', podIPs: ips.map((ip) => ({ ip })) },
    })),
    policies: specs.map((spec, i) => ({ metadata: { namespace: NAMESPACE, name: `policy-${i}` }, spec })),
  };
}

export function tableOf(node: DemoNode, pods: readonly Pod[], objects: ApiObjects): PolicyTable {
  const compiler = compilerOf(objects);
  compiler.setLocalPods(
    pods
      .filter((pod) => pod.node === node)
      .map(({ name, ips }) => ({ pod: { namespace: NAMESPACE, name, uid: name }, ips: ips.map(parseIpAddress) })),
  );
  return compiler.compile();
}

export const allOf = (...names: string[]) => ({ matchExpressions: [{ key: 'app', operator: 'In', values: names }] });
export const denyAll: Spec = { podSelector: {}, policyTypes: ['Ingress', 'Egress'] };
export const fromBlock = (ip: string): Spec => ({
  podSelector: {},
  ingress: [{ from: [{ ipBlock: { cidr: `${ip}/${ip.includes(':') ? 128 : 32}` } }] }],
});
export const fromPods = (...names: string[]): Spec => ({
  podSelector: {},
  ingress: [{ from: [{ podSelector: allOf(...names) }] }],
});
/** Egress of one pod. */
export const onlyTo = (from: string, ...names: string[]): Spec => ({
  podSelector: allOf(from),
  policyTypes: ['Egress'],
  egress: [{ to: [{ podSelector: allOf(...names) }] }],
});
