/**
 * Alias of a pod's host interface: the attachment it belongs to, kept in the kernel, so that the endpoint list can be
 * rebuilt when its file is lost.
 *
 * ```
 *  heddle/1|<container id>|<ifname>|<network>|<netns>
 * ```
 *
 * `call/request.ts` refuses a `|` in any of the parts.
 */
import type { AttachmentOwner } from '../attachment.js';

const MARK = 'heddle/1';
/** IFALIASZ less its terminator. */
const MAX_ALIAS_BYTES = 255;

export interface InterfaceAlias {
  readonly owner: AttachmentOwner;
  readonly network: string;
  readonly netns: string;
}

/** Null when longer than the kernel allows; the list cannot be rebuilt from such an interface. */
export function formatInterfaceAlias(alias: InterfaceAlias): string | null {
  const text = [MARK, alias.owner.containerId, alias.owner.ifname, alias.network, alias.netns].join('|');
  return Buffer.byteLength(text) <= MAX_ALIAS_BYTES ? text : null;
}

/** Null when the text is not an alias of this form. */
export function parseInterfaceAlias(text: string): InterfaceAlias | null {
  const [mark, containerId, ifname, network, netns, ...rest] = text.split('|');
  if (mark !== MARK || !containerId || !ifname || !network || !netns || rest.length > 0) return null;
  return { owner: { containerId, ifname }, network, netns };
}

/** Path of the pod's network namespace; null when the text is not an alias of this form. */
export function podNamespaceOf(alias: string): string | null {
  return parseInterfaceAlias(alias)?.netns ?? null;
}
