/** Alert rules of Prometheus over the agents' metrics. Each has its row in docs/operations.md, "Alerts", which says what to do. */

export interface AlertRule {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly labels: { readonly severity: 'critical' | 'warning' };
  readonly annotations: { readonly summary: string; readonly description: string };
}

const RUNBOOK = 'docs/operations.md, "Alerts"';

function rule(
  alert: string,
  [severity, pending]: readonly ['critical' | 'warning', string],
  expr: string,
  summary: string,
): AlertRule {
  return { alert, expr, for: pending, labels: { severity }, annotations: { summary, description: `See ${RUNBOOK}.` } };
}

export const ALERT_RULES: readonly AlertRule[] = [
  rule('HeddleNodeNotReady', ['critical', '5m'], 'heddle_ready == 0', '{{ $labels.instance }} attaches no pods'),
  rule(
    'HeddleRouterDown',
    ['critical', '2m'],
    'heddle_router_connected == 0',
    '{{ $labels.instance }} has no router that the agent reaches',
  ),
  rule(
    'HeddleConditionUnmet',
    ['warning', '15m'],
    'heddle_condition == 0',
    'Condition {{ $labels.condition }} of {{ $labels.instance }} is not met',
  ),
  rule(
    'HeddlePeerDown',
    ['warning', '10m'],
    'heddle_peers{state="down"} > 0',
    '{{ $labels.instance }} has no link to {{ $value }} nodes',
  ),
  rule(
    'HeddleRouteConflict',
    ['critical', '2m'],
    'heddle_route_conflicts > 0',
    '{{ $value }} pod CIDRs are claimed by several nodes',
  ),
  rule(
    'HeddleAddressesNearlyUsed',
    ['warning', '10m'],
    'sum by (instance, cidr) (heddle_ipam_addresses{state="used"}) / sum by (instance, cidr) (heddle_ipam_addresses) > 0.9',
    'Pods have over 90 % of the addresses in {{ $labels.cidr }}',
  ),
  rule(
    'HeddlePathLoss',
    ['warning', '10m'],
    'heddle_peer_loss_ratio > 0.02',
    '{{ $labels.instance }} loses over 2 % of the datagrams to {{ $labels.peer }}',
  ),
  rule(
    'HeddleForeignSecret',
    ['warning', '10m'],
    'rate(heddle_drops_total{reason="handshakeBadMac"}[5m]) > 0.1',
    '{{ $labels.instance }} refuses handshakes made with another cluster secret',
  ),
  rule(
    'HeddleDrops',
    ['warning', '10m'],
    'sum by (instance, reason) (rate(heddle_drops_total[5m])) > 100',
    '{{ $labels.instance }} drops {{ $value }} frames a second: {{ $labels.reason }}',
  ),
  rule(
    'HeddleHostContested',
    ['warning', '10m'],
    'increase(heddle_host_network_repairs_total[30m]) > 10',
    'The host network of {{ $labels.instance }} is mended again and again',
  ),
  rule(
    'HeddleMeshFault',
    ['warning', '1m'],
    'increase(heddle_mesh_faults_total[15m]) > 0',
    'The mesh core of {{ $labels.instance }} threw an exception',
  ),
];
