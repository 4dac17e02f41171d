/**
 * The largest super-frame that may reach the TAP. The kernel cuts a larger one before it gives it to a link with this
 * limit: on the bridge what the node itself sends, on the TAP what comes from pods with limits of their own and what the
 * node forwards from elsewhere. Pods get theirs when they are attached.
 */
import { POD_GSO_MAX_BYTES } from '../../cni/index.js';
import type { InterfaceInfo } from '../../common/host/ip-output.js';
import type { Repair } from './host-plan.js';

/** @param found the link as it is, null when it has just been made */
export function superFrameRepairs(link: string, found: InterfaceInfo | null): Repair[] {
  // Where `ip` does not tell the limit it cannot set it either.
  if (found !== null && (found.gsoMaxBytes === null || found.gsoMaxBytes === POD_GSO_MAX_BYTES)) return [];
  const args = ['link', 'set', 'dev', link, 'gso_max_size', String(POD_GSO_MAX_BYTES)];
  return [{ what: `${link} had another limit of super-frames`, program: 'ip', args, optional: true }];
}
