/**
 * The alias of a pod's bridge port says whose it is, so that the list of endpoints can be rebuilt from the kernel when
 * the file is lost: `heddle/1|<container id>|<ifname>|<network>|<netns>`. The parts hold no `|` (`request.ts` sees to it).
 */
import type { AttachmentOwner } from '../attachment.js';

const MARK = 'heddle/1';
/** IFALIASZ less its terminator. */
const MAX_ALIAS_BYTES = 255;

export interface LinkAlias {
  readonly owner: AttachmentOwner;
  readonly network: string;
  readonly netns: string;
}

/** Null when it would be too long for the kernel; such a port can't be found again without the file. */
export function formatLinkAlias(alias: LinkAlias): string | null {
  const text = [MARK, alias.owner.containerId, alias.owner.ifname, alias.network, alias.netns].join('|');
  return Buffer.byteLength(text) <= MAX_ALIAS_BYTES ? text : null;
}

/** Null when it is not one of ours. */
export function parseLinkAlias(text: string): LinkAlias | null {
  const [mark, containerId, ifname, network, netns, ...rest] = text.split('|');
  if (mark !== MARK || !containerId || !ifname || !network || !netns || rest.length > 0) return null;
  return { owner: { containerId, ifname }, network, netns };
}
