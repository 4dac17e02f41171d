/** Large cluster of API objects: namespaces of a few applications, each with policies as people write them. */
import type { ApiNamespace, ApiObjects, ApiPod, ApiPolicy } from '../../../policy/testing/oracle.js';

export interface ClusterSize {
  readonly namespaces: number;
  readonly pods: number;
  readonly policies: number;
}

const APPS = 8;
const TEAMS = 40;

export function largeCluster({ namespaces, pods, policies }: ClusterSize): ApiObjects {
  return {
    namespaces: numbered(namespaces, (i): ApiNamespace => ({
      metadata: {
        name: namespaceName(i),
        labels: { 'kubernetes.io/metadata.name': namespaceName(i), team: `t${i % TEAMS}` },
      },
    })),
    pods: numbered(pods, (i) => largePod(i, namespaces)),
    policies: numbered(policies, (i) => largePolicy(i, namespaces)),
  };
}

export function largePod(index: number, namespaces: number, app = index % APPS): ApiPod {
  const [high, low] = [index >> 8, index & 255];
  return {
    metadata: {
      namespace: namespaceName(index % namespaces),
      name: `pod-${index}`,
      uid: `uid-${index}`,
      labels: { app: `app-${app}`, 'pod-template-hash': String(index % 997), tier: index % 2 === 0 ? 'web' : 'store' },
    },
    spec: { containers: [{ ports: [{ name: 'http', containerPort: 8080 + (index % 3) }] }] },
    status: {
      phase: 'Running',
      podIPs: [{ ip: `10.${128 + high}.${low}.7` }, { ip: `fd00::${high.toString(16)}:${low.toString(16)}` }],
    },
  };
}

/** In turn: deny all, from pods of the namespace, from a team's namespaces, from a block, and to all namespaces' named port. */
function largePolicy(index: number, namespaces: number): ApiPolicy {
  const number = Math.floor(index / namespaces);
  const app = { matchLabels: { app: `app-${index % APPS}` } };
  const team = { matchLabels: { team: `t${index % TEAMS}` } };
  const specs: ApiPolicy['spec'][] = [
    { podSelector: {}, policyTypes: ['Ingress', 'Egress'] },
    {
      podSelector: {},
      ingress: [{ from: [{ podSelector: app }], ports: [{ port: 80 }, { port: 8080, endPort: 8090 }] }],
    },
    {
      podSelector: app,
      ingress: [{ from: [{ namespaceSelector: team, podSelector: { matchLabels: { tier: 'web' } } }] }],
    },
    {
      podSelector: {},
      ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.0/8', except: [`10.1.${index % 256}.0/24`] } }] }],
    },
    {
      podSelector: {},
      policyTypes: ['Egress'],
      egress: [{ to: [{ namespaceSelector: {} }], ports: [{ port: 'http' }] }],
    },
  ];
  return {
    metadata: { namespace: namespaceName(index % namespaces), name: `policy-${number}` },
    spec: specs[number % specs.length]!,
  };
}

function namespaceName(index: number): string {
  return `namespace-${index}`;
}

function numbered<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, i) => make(i));
}
