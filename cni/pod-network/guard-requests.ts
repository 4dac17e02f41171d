/**
 * Composer of requests about elements of the source guard (linux/netfilter/nf_tables.h). Numbers of nf_tables are in network
 * order; here are none but bytes. Pure.
 */
import { macToBytes, parseMacAddress } from '../../common/address/mac-address.js';
import { IP_FAMILIES, ipFamily, ipToBytes, parseIpAddress } from '../../common/address/ip-address.js';
import { netfilterRequest, netfilterType } from '../../common/host/netfilter-message.js';
import { attribute, nested, NLM_F_ACK, NLM_F_CREATE, textAttribute } from '../../common/host/netlink-message.js';
import type { NetfilterRequest } from '../../common/host/netlink-runner.js';
import type { GuardElement } from '../deps.js';
import { elementListText, GUARD_SETS, SOURCE_GUARD } from './source-guard.js';

const NFPROTO_BRIDGE = 7;
/** NFT_MSG_*. */
const VERBS = {
  add: { message: 12, flags: NLM_F_ACK | NLM_F_CREATE },
  delete: { message: 14, flags: NLM_F_ACK },
} as const;
const LIST = { table: 1, set: 2, elements: 3 } as const;
const [LIST_ELEMENT, ELEMENT_KEY, DATA_VALUE] = [1, 1, 1];
/** Parts of a key are padded to a multiple of 4 bytes. */
const [NAME_BYTES, PADDED_MAC_BYTES] = [16, 8];

/** Adding one that is there is no error. */
export function addElements(elements: readonly GuardElement[]): NetfilterRequest[] {
  return editElements('add', elements);
}

/** Adding first makes it no error that one is not there. */
export function removeElements(elements: readonly GuardElement[]): NetfilterRequest[] {
  return [...editElements('add', elements), ...editElements('delete', elements)];
}

function editElements(verb: keyof typeof VERBS, all: readonly GuardElement[]): NetfilterRequest[] {
  return IP_FAMILIES.flatMap((family) => {
    const elements = all.filter(({ ip }) => ipFamily(parseIpAddress(ip)) === family);
    if (elements.length === 0) return [];
    const { message, flags } = VERBS[verb];
    const attributes = [
      textAttribute(LIST.table, SOURCE_GUARD.id[1]),
      textAttribute(LIST.set, GUARD_SETS[family]),
      nested(LIST.elements, ...elements.map(elementOf)),
    ];
    return {
      text: `nft ${verb} ${elementListText(family, elements)}`,
      message: netfilterRequest(netfilterType('tables', message), flags, { family: NFPROTO_BRIDGE }, attributes),
    };
  });
}

function elementOf(element: GuardElement): Uint8Array {
  return nested(LIST_ELEMENT, nested(ELEMENT_KEY, attribute(DATA_VALUE, keyOf(element))));
}

/** Interface name, MAC, IP address. */
function keyOf({ hostInterface, mac, ip }: GuardElement): Uint8Array {
  const address = ipToBytes(parseIpAddress(ip));
  const key = new Uint8Array(NAME_BYTES + PADDED_MAC_BYTES + address.length);
  key.set(new TextEncoder().encode(hostInterface));
  key.set(macToBytes(parseMacAddress(mac)), NAME_BYTES);
  key.set(address, NAME_BYTES + PADDED_MAC_BYTES);
  return key;
}
