/** View of `meshctl endpoints`: pod interfaces on this node. */
import type { Endpoint } from '../../common/api.js';
import { formatAge, UNKNOWN } from '../output/figures.js';
import { tableView } from '../output/output.js';
import type { Column } from '../output/table.js';

/** Length to which container runtimes shorten ids. */
const SHORT_CONTAINER_ID_LENGTH = 13;

export const endpointsView = tableView<Endpoint>(endpointColumns, 'No endpoints: no pod is attached on this node.');

function endpointColumns(nowMs: number): readonly Column<Endpoint>[] {
  return [
    { title: 'NAMESPACE', text: (endpoint) => endpoint.podNamespace ?? UNKNOWN },
    { title: 'POD', text: (endpoint) => endpoint.podName ?? UNKNOWN },
    { title: 'CONTAINER', text: (endpoint) => endpoint.containerId.slice(0, SHORT_CONTAINER_ID_LENGTH) },
    { title: 'IPS', text: (endpoint) => endpoint.ips.join(',') },
    { title: 'INTERFACE', text: (endpoint) => endpoint.hostInterface },
    { title: 'SINCE', text: (endpoint) => formatAge(endpoint.since, nowMs) },
    { title: 'MAC', text: (endpoint) => endpoint.mac, wide: true },
    { title: 'IFNAME', text: (endpoint) => endpoint.ifname, wide: true },
    { title: 'NETNS', text: (endpoint) => endpoint.netns, wide: true },
  ];
}
