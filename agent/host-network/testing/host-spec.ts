/** Specification of a host of both families without pods and without a router, for tests. */
import { parseCidr } from '../../../common/address/cidr.js';
import type { HostNetworkSpec } from '../host-plan.js';

export const HOST_SPEC: HostNetworkSpec = {
  bridgeName: 'heddle0',
  stateDir: '/var/lib/heddle',
  tapName: 'heddle-tap',
  podMtuBytes: 1392,
  podCidrs: [parseCidr('10.1.1.0/24'), parseCidr('fd00:1:0:1::/64')],
  clusterCidrs: [parseCidr('10.1.0.0/16'), parseCidr('fd00:1::/48')],
  narrowCidrs: [],
  masquerade: true,
  listenPort: 6785,
  router: null,
  pods: [],
};
