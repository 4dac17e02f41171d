/**
 * Recognises the host's end of a pod's pair among the interfaces of a host. The name alone proves nothing: ours carries a
 * mark, which is its alias, or its MAC, which it has from the first moment, when a crash came before the alias. Pure.
 */
import { hostInterfaceOf, hostMacOfName } from '../attachment.js';
import { parseLinkAlias } from './link-alias.js';

export interface MarkedLink {
  readonly name: string;
  readonly mac: string;
  /** Empty when it has none. */
  readonly alias: string;
  /** Name of the bridge it is a port of, or null. */
  readonly bridge: string | null;
}

export function hasPodPortMark({ name, mac, alias }: MarkedLink): boolean {
  const marked = parseLinkAlias(alias);
  return marked === null ? mac === hostMacOfName(name) : hostInterfaceOf(marked.owner) === name;
}

/** Whether it is a pod's port that belongs to the node with this bridge: marked, and on the bridge or (yet) on none. */
export function isPodPort(link: MarkedLink, bridge: string): boolean {
  return hasPodPortMark(link) && (link.bridge === null || link.bridge === bridge);
}
