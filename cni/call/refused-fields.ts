/**
 * Fields of a network configuration that ask for something Heddle does not do. ADD and CHECK refuse them by name (code 2),
 * since a pod without what its configuration asks for fails later and elsewhere. A field that asks for nothing (null, an
 * empty list or object) passes, and so do fields of other plugins. Pure.
 */
import { CniError, CNI_CODES } from '../cni-error.js';

/** The agent chains it within a minute after it was put there. */
const IN_PLUGIN_FOLDER = "in the runtime's plugin folder: install containernetworking-plugins";

/** By path, with what to do instead. */
const REFUSED: readonly (readonly [path: string, instead: string])[] = [
  ['mtu', 'the MTU of pods is the setting podMtu of the node'],
  ['ipam', 'addresses come from podCidrs of the node'],
  ['runtimeConfig.ipRanges', 'addresses come from podCidrs of the node; take the capability "ipRanges" out'],
  ['runtimeConfig.aliases', 'Heddle answers no names; take the capability "aliases" out'],
  ['runtimeConfig.portMappings', `hostPort needs the plugin "portmap" ${IN_PLUGIN_FOLDER}`],
  ['runtimeConfig.bandwidth', `limits of bandwidth need the plugin "bandwidth" ${IN_PLUGIN_FOLDER}`],
];

/** Throws {@link CniError} 2 that names every such field. */
export function refuseUnsupportedFields(config: object): void {
  const found = REFUSED.filter(([path]) => asksForSomething(valueAt(config, path)));
  if (found.length === 0) return;
  throw new CniError(
    CNI_CODES.unsupportedField,
    `unsupported field: ${found.map(([path]) => path).join(', ')}`,
    found.map(([path, instead]) => `${path}: ${instead}`).join('; '),
  );
}

function valueAt(config: object, path: string): unknown {
  let value: unknown = config;
  for (const key of path.split('.')) value = (value as Record<string, unknown> | null | undefined)?.[key];
  return value;
}

/** `mtu: 0` leaves the MTU to the plugin; a port mapping without a host port maps nothing. */
function asksForSomething(value: unknown): boolean {
  if (value === undefined || value === null || value === 0) return false;
  if (Array.isArray(value)) return value.some((entry) => !isMappingOfNothing(entry));
  return typeof value !== 'object' || Object.keys(value).length > 0;
}

/** containerd 1.x writes the key with a capital. */
function isMappingOfNothing(entry: unknown): boolean {
  const { hostPort, HostPort } = (entry ?? {}) as { hostPort?: unknown; HostPort?: unknown };
  return (hostPort ?? HostPort) === 0;
}
