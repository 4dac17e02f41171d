/** View of `meshctl policy`: for each pod and direction, the rules in force; and the traffic that they denied lately. */
import type { DroppedTraffic, PodDirection, PodPolicies, PolicyRuleWords } from '../../common/api.js';
import { formatAge, UNKNOWN } from '../output/figures.js';
import { tableView } from '../output/output.js';
import type { View } from '../output/output.js';
import { printable } from '../output/table.js';
import { endText } from './policy-test.js';

/** Lines of the table of denied traffic. */
const MAX_DENIED = 20;

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

const deniedView = tableView<DroppedTraffic>(
  (nowMs) => [
    { title: 'LAST', text: (row) => formatAge(row.last, nowMs) },
    { title: 'FROM', text: (row) => endText(row.source) },
    { title: 'TO', text: (row) => endText(row.destination) },
    { title: 'TRAFFIC', text: (row) => (row.port === null ? row.protocol : `${row.protocol} ${row.port}`) },
    { title: 'BY', text: (row) => `${row.direction}: ${row.reason}` },
  ],
  '',
);

export const policiesView: View<readonly PodPolicies[]> = {
  text(pods, context) {
    const problems = pods
      .flatMap((pod) => pod.problems)
      .map((problem) => `cannot be read, and allows nothing: ${problem}`);
    const lines = [...new Set(problems)].map((line) => context.paint('warning', printable(line)));
    const parts = [rulesView.text(pods.flatMap(rowsOf), context)];
    if (lines.length > 0) parts.push(`${lines.join('\n')}\n`);
    const denied = pods.flatMap((pod) => pod.denied);
    if (denied.length > 0)
      parts.push(`denied lately, as far as this node saw it:\n${deniedView.text(newestOf(denied), context)}`);
    return parts.join('\n');
  },
};

export const podPoliciesView: View<PodPolicies> = { text: (pod, context) => policiesView.text([pod], context) };

/** Traffic between two pods of the node is with both of them. */
function newestOf(denied: readonly DroppedTraffic[]): DroppedTraffic[] {
  const distinct = new Map(denied.map((one) => [JSON.stringify(one), one]));
  return [...distinct.values()].sort((a, b) => (a.last < b.last ? 1 : -1)).slice(0, MAX_DENIED);
}

function rowsOf(pod: PodPolicies): RuleRow[] {
  return (['ingress', 'egress'] as const).flatMap((direction) =>
    directionRows(pod, pod[direction]).map((row) => ({ pod: pod.pod, ips: pod.ips, direction, ...row })),
  );
}

type DirectionRow = Pick<RuleRow, 'policy' | 'index' | 'peers' | 'ports'>;

function directionRows({ known }: PodPolicies, { isolated, policies, rules }: PodDirection): DirectionRow[] {
  const nothing = { index: null, ports: UNKNOWN };
  if (!known) return [{ ...nothing, policy: null, peers: 'nobody, until the API server tells of the pod' }];
  const ofTier = (tier: string) => rules.filter((rule) => rule.tier === tier).map(tierRow);
  if (!isolated) {
    const peers = rules.length === 0 ? 'everyone (not isolated)' : 'everyone else (not isolated)';
    return [...rules.map(tierRow), { policy: null, index: null, ports: 'all ports', peers }];
  }
  const isolating = policies.flatMap((policy): DirectionRow[] => {
    const own = rules.filter((rule) => rule.policy === policy);
    return own.length > 0 ? own : [{ ...nothing, policy, peers: 'nobody' }];
  });
  return [...ofTier('Admin'), ...isolating];
}

/** The action stands before whom it concerns. */
function tierRow({ policy, index, ports, peers, action }: PolicyRuleWords): DirectionRow {
  return { policy, index, ports, peers: `${action ?? 'Accept'}: ${peers}` };
}
