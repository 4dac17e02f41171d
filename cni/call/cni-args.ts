/** Parser of `CNI_ARGS`: `KEY=VALUE` pairs separated by semicolons, as containerd, CRI-O and podman write it. */
import { CniError, CNI_CODES } from '../cni-error.js';

/** Keys that are understood; any other key needs `IgnoreUnknown`. */
const KNOWN_KEYS = new Set([
  'IgnoreUnknown',
  'IP',
  'MAC',
  'K8S_POD_NAMESPACE',
  'K8S_POD_NAME',
  'K8S_POD_INFRA_CONTAINER_ID',
  'K8S_POD_UID',
]);

export interface CniArgs {
  readonly podNamespace: string | null;
  readonly podName: string | null;
  readonly podUid: string | null;
  /** As written, not checked. */
  readonly ips: readonly string[];
  readonly mac: string | null;
}

/** Throws {@link CniError} 4. */
export function parseCniArgs(text: string): CniArgs {
  const pairs = new Map<string, string>();
  for (const pair of text.split(';').filter(Boolean)) {
    const equals = pair.indexOf('=');
    if (equals < 1) throw invalidArgs(`found "${pair}", expected KEY=VALUE`);
    pairs.set(pair.slice(0, equals), pair.slice(equals + 1));
  }
  const unknown = [...pairs.keys()].filter((key) => !KNOWN_KEYS.has(key));
  if (unknown.length > 0 && !/^(1|true|yes|on)$/i.test(pairs.get('IgnoreUnknown') ?? '')) {
    throw invalidArgs(`unknown keys ${unknown.join(', ')}, expected IgnoreUnknown=1 with them`);
  }
  const given = (key: string): string | null => pairs.get(key) || null;
  return {
    podNamespace: given('K8S_POD_NAMESPACE'),
    podName: given('K8S_POD_NAME'),
    podUid: given('K8S_POD_UID'),
    ips: (given('IP') ?? '').split(',').filter(Boolean),
    mac: given('MAC'),
  };
}

function invalidArgs(details: string): CniError {
  return new CniError(CNI_CODES.invalidEnvironment, 'invalid environment: CNI_ARGS', details);
}
