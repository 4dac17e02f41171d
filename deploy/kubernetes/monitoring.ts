/**
 * Monitoring, which is no part of the plain manifest: a PodMonitor, a PrometheusRule and a dashboard. In the chart the value
 * `monitoring` makes them; rules and dashboard are files there that templates read, since their braces are not Helm's.
 */
import { formatYaml } from '../../common/codec/yaml.js';
import { ALERT_RULES } from './alerts.js';
import { dashboard } from './dashboard.js';
import { APP_LABEL } from './objects.js';
import { defaults, formatTemplate, helm } from './value-source.js';
import type { ValueSource } from './value-source.js';

const NAME = 'heddle';
const API = 'monitoring.coreos.com/v1';
const labels = () => ({ [APP_LABEL]: NAME });
const metadata = ({ namespace }: ValueSource) => ({ name: NAME, namespace, labels: labels() });

function podMonitor(source: ValueSource): object {
  return {
    ...{ apiVersion: API, kind: 'PodMonitor', metadata: metadata(source) },
    spec: {
      selector: { matchLabels: labels() },
      podMetricsEndpoints: [
        { path: '/metrics', interval: '30s', relabelings: addressLabels(source.text('metricsPort')) },
      ],
    },
  };
}

/** The pod declares no port by which the operator could find it; addresses of IPv6 get brackets. */
function addressLabels(port: string): object[] {
  const address = (regex: string, replacement: string) => ({
    ...{ sourceLabels: ['__meta_kubernetes_pod_ip', '__tmp_port'], regex, replacement, targetLabel: '__address__' },
  });
  return [
    { targetLabel: '__tmp_port', replacement: port },
    address('([^:;]+);(.*)', '$1:$2'),
    address('([^;]*:[^;]*);(.*)', '[$1]:$2'),
  ];
}

/** As `promtool check rules` takes them. */
const RULES_FILE = formatYaml({ groups: [{ name: NAME, rules: ALERT_RULES }] });
export const DASHBOARD_FILE = `${JSON.stringify(dashboard(), null, 2)}\n`;

/** For `kubectl apply`, where the Prometheus operator is installed. */
export function monitoringManifest(): string {
  const rule = { apiVersion: API, kind: 'PrometheusRule', metadata: metadata(defaults), spec: { groups: [] } };
  const groups = [{ name: NAME, rules: ALERT_RULES }];
  return [podMonitor(defaults), { ...rule, spec: { groups } }].map((object) => `---\n${formatYaml(object)}`).join('');
}

const WHEN = '{{- if .Values.monitoring }}\n';
const END = '{{- end }}\n';

export function monitoringChartFiles(): ReadonlyMap<string, string> {
  const head = (apiVersion: string, kind: string, more = {}) =>
    formatTemplate({ apiVersion, kind, metadata: { ...metadata(helm), ...more } });
  const grafana = { name: `${NAME}-dashboard`, labels: { ...labels(), grafana_dashboard: '1' } };
  return new Map([
    ['monitoring/rules.yaml', RULES_FILE],
    ['monitoring/dashboard.json', DASHBOARD_FILE],
    ['templates/monitoring/pod-monitor.yaml', WHEN + formatTemplate(podMonitor(helm)) + END],
    [
      'templates/monitoring/rules.yaml',
      `${WHEN}${head(API, 'PrometheusRule')}spec:\n{{ .Files.Get "monitoring/rules.yaml" | indent 2 }}\n${END}`,
    ],
    [
      'templates/monitoring/dashboard.yaml',
      `${WHEN}${head('v1', 'ConfigMap', grafana)}data:\n  heddle.json: {{ .Files.Get "monitoring/dashboard.json" | toJson }}\n${END}`,
    ],
  ]);
}
