/** Dashboard for Grafana over the agents' metrics: readiness, links, traffic, drops, addresses, network policies. */

interface Panel {
  readonly title: string;
  readonly type: 'stat' | 'timeseries';
  /** Expression, and the legend of its series. */
  readonly targets: readonly (readonly [expr: string, legend: string])[];
  readonly unit?: string;
}

const BY_NODE = '{{instance}}';

const PANELS: readonly Panel[] = [
  { title: 'Nodes ready', type: 'stat', targets: [['sum(heddle_ready)', 'ready']] },
  { title: 'Nodes scraped', type: 'stat', targets: [['count(heddle_build_info)', 'nodes']] },
  { title: 'Pod interfaces', type: 'stat', targets: [['sum(heddle_endpoints)', 'pods']] },
  { title: 'Claim conflicts', type: 'stat', targets: [['max(heddle_route_conflicts)', 'pod CIDRs']] },
  { title: 'Conditions not met', type: 'timeseries', targets: [['heddle_condition == 0', `${BY_NODE} {{condition}}`]] },
  { title: 'Links by state', type: 'timeseries', targets: [['sum by (state) (heddle_peers)', '{{state}}']] },
  {
    ...{ title: 'Sent to peers', type: 'timeseries', unit: 'Bps' },
    targets: [['sum by (instance) (rate(heddle_peer_transmit_bytes_total[$__rate_interval]))', BY_NODE]],
  },
  {
    ...{ title: 'Received from peers', type: 'timeseries', unit: 'Bps' },
    targets: [['sum by (instance) (rate(heddle_peer_receive_bytes_total[$__rate_interval]))', BY_NODE]],
  },
  {
    ...{ title: 'Round trip, slowest 10 links', type: 'timeseries', unit: 's' },
    targets: [['topk(10, heddle_peer_rtt_seconds)', `${BY_NODE} to {{peer}}`]],
  },
  {
    ...{ title: 'Datagrams lost, worst 10 links', type: 'timeseries', unit: 'percentunit' },
    targets: [['topk(10, heddle_peer_loss_ratio)', `${BY_NODE} to {{peer}}`]],
  },
  {
    ...{ title: 'Drops by reason', type: 'timeseries', unit: 'pps' },
    targets: [['sum by (reason) (rate(heddle_drops_total[$__rate_interval])) > 0', '{{reason}}']],
  },
  {
    ...{ title: 'Addresses used', type: 'timeseries', unit: 'percentunit' },
    targets: [
      ['sum by (instance) (heddle_ipam_addresses{state="used"}) / sum by (instance) (heddle_ipam_addresses)', BY_NODE],
    ],
  },
  {
    ...{ title: 'Dropped by network policies', type: 'timeseries', unit: 'pps' },
    targets: [
      ['sum(rate(heddle_policy_ingress_drops_total[$__rate_interval]))', 'to pods'],
      ['sum(rate(heddle_policy_egress_drops_total[$__rate_interval]))', 'from pods'],
    ],
  },
  {
    ...{ title: 'Repairs of the host network', type: 'timeseries' },
    targets: [['increase(heddle_host_network_repairs_total[$__rate_interval])', BY_NODE]],
  },
];

/** Of Grafana's grid of 24 columns. */
const WIDTHS = { stat: 6, timeseries: 12 } as const;
const HEIGHTS = { stat: 4, timeseries: 8 } as const;
const COLUMNS = 24;

export function dashboard(): object {
  let [x, y] = [0, 0];
  const panels = PANELS.map((panel, i) => {
    const [w, h] = [WIDTHS[panel.type], HEIGHTS[panel.type]];
    const gridPos = { x, y, w, h };
    x = (x + w) % COLUMNS;
    if (x === 0) y += h;
    return panelObject(panel, i + 1, gridPos);
  });
  return {
    ...{ uid: 'heddle', title: 'Heddle', tags: ['heddle'], schemaVersion: 39, version: 1, refresh: '30s' },
    time: { from: 'now-1h', to: 'now' },
    templating: { list: [{ name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus' }] },
    panels,
  };
}

function panelObject({ title, type, targets, unit }: Panel, id: number, gridPos: object): object {
  return {
    ...{ id, title, type, gridPos },
    datasource: { type: 'prometheus', uid: '${datasource}' },
    fieldConfig: { defaults: unit === undefined ? {} : { unit }, overrides: [] },
    targets: targets.map(([expr, legendFormat], i) => ({ refId: String.fromCharCode(65 + i), expr, legendFormat })),
  };
}
