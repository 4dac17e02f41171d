/**
 * Host interfaces of pods, recognised among all interfaces of a host. A name such as `hd0123456789abc` is no proof. Proof is
 * the alias, or the MAC where there is no alias: both are computed from the attachment, and the MAC is there from the moment
 * the interface exists, so an interface is recognised after a crash at any step. Pure.
 */
import type { InterfaceInfo } from '../../common/host/ip-output.js';
import { hostInterfaceOf, hostMacOfName } from '../attachment.js';
import { parseInterfaceAlias } from './interface-alias.js';

type Candidate = Pick<InterfaceInfo, 'name' | 'mac' | 'alias' | 'bridge'>;

/** Whether alias or MAC prove that this is a pod's host interface, of this node or of another one on the same host. */
export function hasHostInterfaceMark({ name, mac, alias }: Candidate): boolean {
  const marked = parseInterfaceAlias(alias);
  return marked === null ? mac === hostMacOfName(name) : hostInterfaceOf(marked.owner) === name;
}

/** Whether this is the host interface of a pod of the node with this bridge: marked, and on that bridge or on none. */
export function isHostInterface(candidate: Candidate, bridge: string): boolean {
  return hasHostInterfaceMark(candidate) && (candidate.bridge === null || candidate.bridge === bridge);
}
