/** Composer of rtnetlink requests about interfaces (linux/if_link.h). Pure. */
import type { MacAddress } from '../../common/address/mac-address.js';
import { macToBytes } from '../../common/address/mac-address.js';
import {
  ADDRESS_FAMILY,
  attribute,
  nested,
  netlinkRequest,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_EXCL,
  numberAttribute,
  textAttribute,
  viewOf,
} from '../../common/host/netlink-message.js';
import type { NetlinkRequest } from '../../common/host/netlink-runner.js';

const [RTM_NEWLINK, RTM_DELLINK] = [16, 17];
const IFINFOMSG_BYTES = 16;
const IFF_UP = 1;
const IFLA = {
  address: 1,
  ifname: 3,
  mtu: 4,
  master: 10,
  linkInfo: 18,
  alias: 20,
  afSpec: 26,
  group: 27,
  netnsFd: 28,
  gsoMaxSize: 41,
} as const;
const INFO = { kind: 1, data: 2, slaveKind: 4, slaveData: 5 } as const;
const VETH_INFO_PEER = 1;
const INET6_ADDR_GEN_MODE = 8;
const ADDR_GEN_MODE_NONE = 1;
/** IFLA_BRPORT_*, by the words of `ip`. */
const PORT_FLAGS = { flood: 9, mcast_flood: 27, learning: 8, hairpin: 4, isolated: 33 } as const;

export type PortFlags = Readonly<Record<keyof typeof PORT_FLAGS, boolean>>;

/** One end of a veth pair. */
export interface VethEnd {
  readonly name: string;
  readonly mac: MacAddress;
}

/** Makes a pair: one end here in a device group, the other in the namespace at a path. */
export function addVethPair(
  near: VethEnd & { readonly group: number },
  far: VethEnd & { readonly netns: string },
  mtuBytes: number,
): NetlinkRequest {
  const mtu = numberAttribute(IFLA.mtu, mtuBytes);
  const ofEnd = ({ name, mac }: VethEnd) => [
    textAttribute(IFLA.ifname, name),
    attribute(IFLA.address, macToBytes(mac)),
  ];
  return {
    text:
      `ip link add ${near.name} group ${near.group} address ${near.mac} mtu ${mtuBytes} type veth ` +
      `peer name ${far.name} address ${far.mac} mtu ${mtuBytes} netns ${far.netns}`,
    namespaces: [far.netns],
    compose: (numbers) => {
      const netns = numberAttribute(IFLA.netnsFd, numbers.namespaceDescriptor(far.netns));
      const peer = nested(VETH_INFO_PEER, linkHeader(), ...ofEnd(far), mtu, netns);
      const info = nested(IFLA.linkInfo, textAttribute(INFO.kind, 'veth'), nested(INFO.data, peer));
      const group = numberAttribute(IFLA.group, near.group);
      const attributes = [...ofEnd(near), group, mtu, info];
      return netlinkRequest(RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, linkHeader(), attributes);
    },
  };
}

export function deleteLink(name: string): NetlinkRequest {
  const compose = () => netlinkRequest(RTM_DELLINK, NLM_F_ACK, linkHeader(), [textAttribute(IFLA.ifname, name)]);
  return { text: `ip link del dev ${name}`, compose };
}

export function setLinkUp(name: string): NetlinkRequest {
  return setLink(name, 'up', [], IFF_UP);
}

export function setLinkAlias(name: string, alias: string): NetlinkRequest {
  return setLink(name, `alias ${alias}`, [textAttribute(IFLA.alias, alias)]);
}

export function setLinkGroup(name: string, group: number): NetlinkRequest {
  return setLink(name, `group ${group}`, [numberAttribute(IFLA.group, group)]);
}

export function setLinkMtu(name: string, mtuBytes: number): NetlinkRequest {
  return setLink(name, `mtu ${mtuBytes}`, [numberAttribute(IFLA.mtu, mtuBytes)]);
}

export function setLinkGsoMaxSize(name: string, bytes: number): NetlinkRequest {
  return setLink(name, `gso_max_size ${bytes}`, [numberAttribute(IFLA.gsoMaxSize, bytes)]);
}

/** No IPv6 link-local address by itself. */
export function setLinkWithoutAddresses(name: string): NetlinkRequest {
  const mode = attribute(INET6_ADDR_GEN_MODE, Uint8Array.of(ADDR_GEN_MODE_NONE));
  return setLink(name, 'addrgenmode none', [nested(IFLA.afSpec, nested(ADDRESS_FAMILY[6], mode))]);
}

export function setLinkMaster(name: string, bridge: string): NetlinkRequest {
  return {
    text: `ip link set dev ${name} master ${bridge}`,
    interfaces: [bridge],
    compose: (numbers) => linkMessage(name, [numberAttribute(IFLA.master, numbers.interfaceIndex(bridge))]),
  };
}

/** Of a port of a bridge. */
export function setPortFlags(name: string, flags: PortFlags): NetlinkRequest {
  const names = Object.keys(PORT_FLAGS) as (keyof PortFlags)[];
  const data = names.map((flag) => attribute(PORT_FLAGS[flag], Uint8Array.of(flags[flag] ? 1 : 0)));
  const words = names.map((flag) => `${flag} ${flags[flag] ? 'on' : 'off'}`).join(' ');
  const info = nested(IFLA.linkInfo, textAttribute(INFO.slaveKind, 'bridge'), nested(INFO.slaveData, ...data));
  return setLink(name, `type bridge_slave ${words}`, [info]);
}

function setLink(name: string, words: string, attributes: readonly Uint8Array[], flags = 0): NetlinkRequest {
  return { text: `ip link set dev ${name} ${words}`, compose: () => linkMessage(name, attributes, flags) };
}

/** The kernel finds the interface by its name. */
function linkMessage(name: string, attributes: readonly Uint8Array[], flags = 0): Uint8Array {
  return netlinkRequest(RTM_NEWLINK, NLM_F_ACK, linkHeader(flags), [textAttribute(IFLA.ifname, name), ...attributes]);
}

/** struct ifinfomsg: family u8, type u16 at 2, index i32 at 4, flags u32 at 8, mask of changed flags u32 at 12. */
function linkHeader(flags = 0): Uint8Array {
  const header = new Uint8Array(IFINFOMSG_BYTES);
  const view = viewOf(header);
  view.setUint32(8, flags, true);
  view.setUint32(12, flags, true);
  return header;
}
