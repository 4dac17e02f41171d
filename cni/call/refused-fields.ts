/**
 * Fields of a network configuration that ask for something Heddle does not do. ADD and CHECK refuse them by name (code 2),
 * since a pod without what its configuration asks for fails later and elsewhere. A field that asks for nothing (null, an
 * empty list or object) passes, and so do fields of other plugins. Pure.
 */
import { CniError, CNI_CODES } from '../cni-error.js';

/** By path, with what to do instead. */
const REFUSED: readonly (readonly [path: string, instead: string])[] = [
  ['mtu', 'the MTU of pods is the setting podMtu of the node'],
  ['ipam', 'addresses come from podCidrs of the node'],
  ['runtimeConfig.ipRanges', 'addresses come from podCidrs of the node; take the capability "ipRanges" out'],
  ['runtimeConfig.aliases', 'Heddle answers no names; take the capability "aliases" out'],
  [
    'runtimeConfig.portMappings',
    'chain the plugin "portmap" after heddle-cni and give it the capability "portMappings"',
  ],
  ['runtimeConfig.bandwidth', 'chain the plugin "bandwidth" after heddle-cni and give it the capability "bandwidth"'],
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

/** `mtu: 0` leaves the MTU to the plugin. */
function asksForSomething(value: unknown): boolean {
  if (value === undefined || value === null || value === 0) return false;
  return typeof value !== 'object' || Object.keys(value).length > 0;
}
