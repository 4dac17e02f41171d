/**
 * The node's gateway addresses: of each pod CIDR one, as a single host, on the bridge, where the pods' default routes lead, and
 * on the TAP, so that NAT of others finds the right source for what enters the mesh. Other global addresses on the two are of
 * an earlier configuration and are removed.
 */
import { gatewayOf, hostCidr } from '../../common/address/cidr.js';
import type { InterfaceInfo } from '../../common/host/ip-output.js';
import type { HostNetworkSpec, HostPart, Repair } from './host-plan.js';

export const gatewayAddressesPart: HostPart = {
  name: 'gateway addresses',
  async plan(spec, view) {
    const found = [await view.bridge(spec.bridgeName), await view.tap(spec.tapName)];
    return found.flatMap((link) => (link === null ? [] : planAddresses(spec, link)));
  },
};

function planAddresses({ podCidrs }: HostNetworkSpec, { name, addresses }: InterfaceInfo): Repair[] {
  const wanted: readonly string[] = podCidrs.map((cidr) => hostCidr(gatewayOf(cidr)));
  const present = addresses
    .filter(({ scope }) => scope === 'global')
    .map(({ address, prefix }) => `${address}/${prefix}`);
  const repair = (what: string, ...args: string[]): Repair => ({ what, program: 'ip', args: ['address', ...args] });
  return [
    ...present
      .filter((address) => !wanted.includes(address))
      .map((address) => repair(`${name} had stale address ${address}`, 'del', address, 'dev', name)),
    ...wanted
      .filter((address) => !present.includes(address))
      .map((address) =>
        repair(
          `${name} had no address ${address}`,
          ...['add', address, 'dev', name],
          // The computed addresses cannot collide, and a gateway that is tentative for a second answers nobody.
          ...(address.includes(':') ? ['nodad'] : []),
        ),
      ),
  ];
}
