/**
 * Parser of a CNI call: checks the environment and standard input and makes them one {@link CniCall}. Owns which variables
 * each verb needs and their form. Not here: the relay's bytes (`relay/`), the verbs (`verbs/`).
 */
import { parseIpAddress } from '../../common/address/ip-address.js';
import type { IpAddress } from '../../common/address/ip-address.js';
import { parseMacAddress } from '../../common/address/mac-address.js';
import type { MacAddress } from '../../common/address/mac-address.js';
import { messageOf } from '../../common/errors.js';
import { parseCniArgs } from './cni-args.js';
import { CniError, CNI_CODES } from '../cni-error.js';
import { parseNetworkConfig, versionOfInput } from './network-config.js';
import type { NetworkConfig } from './network-config.js';
import { refuseUnsupportedFields } from './refused-fields.js';
import type { CniRequest } from '../relay/relay-protocol.js';
import { isAtLeast } from './spec-version.js';
import type { SpecVersion } from './spec-version.js';

export interface AttachCall {
  readonly verb: 'ADD' | 'CHECK';
  readonly config: NetworkConfig;
  readonly containerId: string;
  readonly ifname: string;
  /** Absolute path of the pod's network namespace. */
  readonly netns: string;
  readonly podNamespace: string | null;
  readonly podName: string | null;
  readonly podUid: string | null;
  readonly requestedIps: readonly IpAddress[];
  readonly requestedMac: MacAddress | null;
}
/** Without the configuration: DEL removes what it finds, whatever the runtime writes on standard input. */
export interface DetachCall {
  readonly verb: 'DEL';
  readonly containerId: string;
  readonly ifname: string;
}
export interface CollectCall {
  readonly verb: 'GC';
  readonly config: NetworkConfig;
  /** Null: the runtime names none, but not by an empty list. */
  readonly validAttachments: readonly { readonly containerId: string; readonly ifname: string }[] | null;
}
export interface StatusCall {
  readonly verb: 'STATUS';
  readonly config: NetworkConfig;
}
export interface VersionCall {
  readonly verb: 'VERSION';
  readonly cniVersion: string;
}
export type CniCall = AttachCall | DetachCall | CollectCall | StatusCall | VersionCall;

const VERBS = ['ADD', 'DEL', 'CHECK', 'GC', 'STATUS', 'VERSION'] as const;
type Verb = (typeof VERBS)[number];
type Variable = 'CNI_CONTAINERID' | 'CNI_IFNAME' | 'CNI_NETNS';

/** Verbs that older versions do not have. */
const SINCE: Partial<Record<Verb, SpecVersion>> = { CHECK: '0.4.0', GC: '1.1.0', STATUS: '1.1.0' };

/** Variables that each verb needs; others are not checked (podman sends `CNI_NETNS=dummy`). */
const REQUIRED: Record<Verb, readonly Variable[]> = {
  ADD: ['CNI_CONTAINERID', 'CNI_IFNAME', 'CNI_NETNS'],
  CHECK: ['CNI_CONTAINERID', 'CNI_IFNAME', 'CNI_NETNS'],
  DEL: ['CNI_CONTAINERID', 'CNI_IFNAME'],
  GC: [],
  STATUS: [],
  VERSION: [],
};

const RULES: Record<Variable, { readonly matches: (value: string) => boolean; readonly expected: string }> = {
  CNI_CONTAINERID: {
    matches: (value) => /^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(value) && value.length <= 256,
    expected: 'a letter or digit, then letters, digits, "_", "." or "-", at most 256',
  },
  CNI_IFNAME: {
    matches: (value) => /^[^\s/:"'\\#\u0000-\u001f\u007f-\uffff]{1,15}$/.test(value) && value !== '.' && value !== '..',
    expected: '1 to 15 ASCII characters without space, "/", ":", quotes, "\\", "#"; not "." or ".."',
  },
  CNI_NETNS: {
    matches: (value) => /^\/[^\s"'\\#|\u0000-\u001f]{1,1023}$/.test(value),
    expected: 'an absolute path without spaces, quotes, "\\", "#" or "|"',
  },
};

/** Throws {@link CniError} with the spec's code for the first error found. */
export function parseCniRequest(request: CniRequest): CniCall {
  const verb = parseVerb(request.env.get('CNI_COMMAND'));
  if (verb === 'VERSION') return { verb, cniVersion: versionOfInput(request.stdin) };
  const read = environmentReader(verb, request.env);
  if (verb === 'DEL') return { verb, containerId: read('CNI_CONTAINERID'), ifname: read('CNI_IFNAME') };
  const config = parseNetworkConfig(request.stdin);
  const since = SINCE[verb];
  if (since !== undefined && !isAtLeast(config.cniVersion, since)) {
    const details = `cniVersion is ${config.cniVersion}, ${verb} needs at least ${since}`;
    throw new CniError(CNI_CODES.incompatibleVersion, `config version does not allow ${verb}`, details);
  }
  if (verb === 'STATUS') return { verb, config };
  if (verb === 'GC') return { verb, config, validAttachments: validAttachments(config) };
  refuseUnsupportedFields(config);
  return {
    verb,
    config,
    containerId: read('CNI_CONTAINERID'),
    ifname: read('CNI_IFNAME'),
    netns: read('CNI_NETNS'),
    ...attachOptions(config, request.env.get('CNI_ARGS') ?? ''),
  };
}

function parseVerb(text: string | undefined): Verb {
  const verb = VERBS.find((candidate) => candidate === text);
  if (verb !== undefined) return verb;
  const found = text === undefined || text === '' ? 'is not set' : `is "${text}"`;
  throw new CniError(
    CNI_CODES.invalidEnvironment,
    'invalid environment: CNI_COMMAND',
    `CNI_COMMAND ${found}, expected ${VERBS.join(', ')}`,
  );
}

/** Checks every variable that the verb needs; the error names all that are invalid. Returns a reader of them. */
function environmentReader(verb: Verb, env: ReadonlyMap<string, string>): (variable: Variable) => string {
  const wrong = REQUIRED[verb].filter((variable) => !RULES[variable].matches(env.get(variable) ?? ''));
  if (wrong.length > 0) {
    const details = wrong.map(
      (variable) => `${variable} is "${env.get(variable) ?? ''}", expected ${RULES[variable].expected}`,
    );
    throw new CniError(CNI_CODES.invalidEnvironment, `invalid environment: ${wrong.join(', ')}`, details.join('; '));
  }
  return (variable) => env.get(variable) ?? '';
}

/** A missing list is refused: read as empty, it would remove every pod's network. */
function validAttachments(config: NetworkConfig): CollectCall['validAttachments'] {
  const lists = [config['cni.dev/valid-attachments'], config['cni.dev/attachments']];
  const list = lists.find((one) => Array.isArray(one)) ?? lists.find((one) => one === null);
  if (list === undefined) {
    throw new CniError(
      CNI_CODES.invalidConfig,
      'invalid network configuration',
      '"cni.dev/valid-attachments" is missing, GC needs it (an empty list removes every attachment)',
    );
  }
  return list === null ? null : list.map((entry) => ({ containerId: entry.containerID, ifname: entry.ifname }));
}

function attachOptions(config: NetworkConfig, argsText: string) {
  const args = parseCniArgs(argsText);
  const ips = config.runtimeConfig?.ips ?? config.args?.cni?.ips ?? args.ips;
  const mac = config.runtimeConfig?.mac ?? args.mac;
  try {
    return {
      podNamespace: args.podNamespace,
      podName: args.podName,
      podUid: args.podUid,
      requestedIps: ips.map((text) => parseIpAddress(text.split('/', 1)[0] ?? '')),
      requestedMac: mac === null ? null : parsePodMac(mac),
    };
  } catch (thrown) {
    throw new CniError(CNI_CODES.invalidConfig, 'invalid requested address', messageOf(thrown), { cause: thrown });
  }
}

/** A unicast MAC other than zero. */
function parsePodMac(text: string): MacAddress {
  const mac = parseMacAddress(text);
  if ((parseInt(mac.slice(0, 2), 16) & 1) === 1 || mac === '00:00:00:00:00:00') {
    throw new CniError(
      CNI_CODES.invalidConfig,
      'invalid requested address',
      `MAC is ${mac}, expected a unicast address other than zero`,
    );
  }
  return mac;
}
