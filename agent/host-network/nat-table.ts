/**
 * The nft table for source NAT. Traffic of the node's pods that leaves for the outside is masqueraded. Traffic of anyone else
 * that enters the mesh gets the node's gateway address, since the far router accepts only sources within this node's claims,
 * and answers come back through the mesh. Pod to pod keeps its addresses.
 */
import { cidrFamily, gatewayOf } from '../../common/address/cidr.js';
import type { Cidr } from '../../common/address/cidr.js';
import { IP_FAMILIES } from '../../common/address/ip-address.js';
import type { IpFamily } from '../../common/address/ip-address.js';
import type { HostNetworkSpec, HostPart } from './host-plan.js';
import { listNftTable, nftTableRepairs } from './nft-table.js';
import type { NftTable } from './nft-table.js';

export const NAT_TABLE = ['inet', 'heddle'] as const;

const IP = { 4: 'ip', 6: 'ip6' } as const;
/** Two connections may race for one port: where a port is chosen, it is a random one. */
const PORTS = 'fully-random';

export type NatSpec = Pick<HostNetworkSpec, 'podCidrs' | 'tapName' | 'masquerade'>;

export const natTablePart: HostPart = {
  name: 'nft table',
  async plan(spec, view) {
    return nftTableRepairs(natTable(spec), await listNftTable(view.commands, NAT_TABLE));
  },
};

/**
 * What enters the mesh is translated before others' chains for source NAT, which would take another address of the node. What
 * leaves for the outside is translated in their turn, so that a rule of the operator may come first.
 */
export function natTable(spec: NatSpec): NftTable {
  const families = IP_FAMILIES.filter((family) => podCidrsOf(spec, family).length > 0);
  const hook = (priority: string) => `type nat hook postrouting priority ${priority}; policy accept;`;
  return {
    id: NAT_TABLE,
    definitions: [],
    chains: [
      { name: 'into-mesh', hook: hook('srcnat - 1'), rules: families.map((family) => meshRule(spec, family)) },
      {
        name: 'postrouting',
        hook: hook('srcnat'),
        rules: spec.masquerade ? families.map((family) => masqueradeRule(spec, family)) : [],
      },
    ],
  };
}

function meshRule(spec: NatSpec, family: IpFamily): string {
  const pods = podCidrsOf(spec, family);
  const ip = IP[family];
  return `oifname "${spec.tapName}" ${ip} saddr != ${set(pods)} snat ${ip} to ${gatewayOf(pods[0]!)} ${PORTS}`;
}

function masqueradeRule(spec: NatSpec, family: IpFamily): string {
  const pods = set(podCidrsOf(spec, family));
  const ip = IP[family];
  return `oifname != "${spec.tapName}" ${ip} saddr ${pods} ${ip} daddr != ${pods} masquerade ${PORTS}`;
}

function podCidrsOf({ podCidrs }: NatSpec, family: IpFamily): Cidr[] {
  return podCidrs.filter((cidr) => cidrFamily(cidr) === family);
}

function set(cidrs: readonly Cidr[]): string {
  return `{ ${cidrs.join(', ')} }`;
}
