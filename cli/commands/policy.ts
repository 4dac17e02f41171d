/** View of `meshctl policy`: for each pod and direction, the rules in force. */
import type { PodDirection, PodPolicies } from '../../common/api.js';
import { UNKNOWN } from '../output/figures.js';
import { tableView } from '../output/output.js';
import type { View } from '../output/output.js';
import { printable } from '../output/table.js';

interface RuleRow {
  readonly pod: string;
  readonly ips: readonly string[];
  readonly direction: 'ingress' | 'egress';
  /** Null: no policy isolates the pod in this direction. */
  readonly policy: string | null;
  /** Place in `spec.ingress` or `spec.egress`; null where the policy has no rule. */
  readonly index: number | null;
  readonly peers: string;
  readonly ports: string;
}

const rulesView = tableView<RuleRow>(
  () => [
    { title: 'POD', text: (row) => row.pod },
    { title: 'IPS', text: (row) => row.ips.join(','), wide: true },
    { title: 'DIRECTION', text: (row) => row.direction },
    { title: 'POLICY', text: (row) => row.policy ?? UNKNOWN },
    { title: 'RULE', text: (row) => (row.index === null ? UNKNOWN : String(row.index)) },
    { title: 'PORTS', text: (row) => row.ports, tone: (row) => (row.policy === null ? 'faint' : 'plain') },
    { title: 'ALLOWED', text: (row) => row.peers, tone: (row) => (row.policy === null ? 'faint' : 'plain') },
  ],
  'No pods: no pod is attached on this node.',
);

export const policiesView: View<readonly PodPolicies[]> = {
  text(pods, context) {
    const problems = pods
      .flatMap((pod) => pod.problems)
      .map((problem) => `cannot be read, and allows nothing: ${problem}`);
    const lines = [...new Set(problems)].map((line) => context.paint('warning', printable(line)));
    const table = rulesView.text(pods.flatMap(rowsOf), context);
    return lines.length === 0 ? table : `${table}\n${lines.join('\n')}\n`;
  },
};

export const podPoliciesView: View<PodPolicies> = { text: (pod, context) => policiesView.text([pod], context) };

function rowsOf(pod: PodPolicies): RuleRow[] {
  return (['ingress', 'egress'] as const).flatMap((direction) =>
    directionRows(pod, pod[direction]).map((row) => ({ pod: pod.pod, ips: pod.ips, direction, ...row })),
  );
}

type DirectionRow = Pick<RuleRow, 'policy' | 'index' | 'peers' | 'ports'>;

function directionRows({ known }: PodPolicies, { isolated, policies, rules }: PodDirection): DirectionRow[] {
  const nothing = { index: null, ports: UNKNOWN };
  if (!known) return [{ ...nothing, policy: null, peers: 'nobody, until the API server tells of the pod' }];
  if (!isolated) return [{ policy: null, index: null, ports: 'all ports', peers: 'everyone (not isolated)' }];
  return policies.flatMap((policy): DirectionRow[] => {
    const own = rules.filter((rule) => rule.policy === policy);
    return own.length > 0 ? own : [{ ...nothing, policy, peers: 'nobody' }];
  });
}
