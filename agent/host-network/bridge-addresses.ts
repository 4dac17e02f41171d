/**
 * The bridge's addresses: the gateway of each pod CIDR, with the CIDR's prefix, so that the node's own pods are on-link.
 * The bridge is ours alone: other global addresses on it are left over from an earlier configuration and go.
 */
import { cidrFamily, cidrPrefix, gatewayOf } from '../../common/address/cidr.js';
import type { InterfaceInfo } from '../../common/host/ip-output.js';
import type { HostNetworkSpec, HostPart, Repair } from './host-plan.js';

export const bridgeAddressesPart: HostPart = {
  name: 'bridge addresses',
  async plan(spec, view) {
    return planAddresses(spec, await view.bridge(spec.bridgeName));
  },
};

function planAddresses(spec: HostNetworkSpec, bridge: InterfaceInfo | null): Repair[] {
  const { bridgeName } = spec;
  const wanted = new Map(spec.podCidrs.map((cidr) => [`${gatewayOf(cidr)}/${cidrPrefix(cidr)}`, cidrFamily(cidr)]));
  const present = (bridge?.addresses ?? [])
    .filter((address) => address.scope === 'global')
    .map((address) => `${address.address}/${address.prefix}`);
  const repair = (what: string, ...args: string[]): Repair => ({ what, program: 'ip', args: ['address', ...args] });
  const stale = present.filter((address) => !wanted.has(address));
  const missing = [...wanted].filter(([address]) => !present.includes(address));
  return [
    ...stale.map((address) => repair(`bridge had stale address ${address}`, 'del', address, 'dev', bridgeName)),
    ...missing.map(([address, family]) =>
      repair(
        `bridge had no address ${address}`,
        ...['add', address, 'dev', bridgeName],
        // The computed addresses cannot collide, and a gateway that is tentative for a second answers nobody.
        ...(family === 6 ? ['nodad'] : []),
      ),
    ),
  ];
}
