/**
 * Rules of the configuration beyond the schema: addresses and names that parse, ranges that fit each other, values that
 * the system can hold. A rule runs only when the fields it needs have the right shape, so one mistake is reported once.
 */
import { parseCniChain } from '../../common/cni-chain.js';
import { CNI_VERSIONS } from '../../common/cni-versions.js';
import {
  cidrContains,
  cidrFamily,
  cidrIncludes,
  cidrPrefix,
  cidrsOverlap,
  parseCidr,
} from '../../common/address/cidr.js';
import type { Cidr } from '../../common/address/cidr.js';
import type { Config } from '../../common/config.js';
import { messageOf } from '../../common/errors.js';
import { parseIpAddress } from '../../common/address/ip-address.js';
import type { ConfigFieldName } from './config-fields.js';
import { parseSeed } from './seed-address.js';

export interface RuleProblem {
  /** Whose source the problem is reported with. */
  readonly field: ConfigFieldName;
  readonly message: string;
}

interface Rule {
  readonly needs: readonly ConfigFieldName[];
  /** Problems, reported for the first field of `needs`. */
  readonly check: (config: Config) => readonly string[];
}

/** A pod CIDR holds the network address, the gateway and at least one pod: of IPv4, the last address is the broadcast's. */
const MAX_POD_PREFIX = { 4: 30, 6: 126 } as const;
/** sun_path of a unix socket address holds 108 bytes with its final zero (unix(7)). */
const MAX_SOCKET_PATH_BYTES = 107;
/** RFC 8200, section 5: what every IPv6 link carries. RFC 791: what every IPv4 host takes. */
const MIN_POD_MTU = { 4: 576, 6: 1280 } as const;
/** Where the path-MTU search starts (`docs/wire.md`). */
const MIN_UNDERLAY_MTU = 1200;

/** Ranges no pod may have: loopback, link-local, multicast, this-network, and IPv4 in the form of IPv6. */
const RESERVED = [
  '0.0.0.0/8',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '224.0.0.0/3',
  '::/128',
  '::1/128',
  // IPv4-mapped addresses.
  '::ffff:0:0/96',
  'fe80::/10',
  'ff00::/8',
].map(parseCidr);
const LOOPBACK = ['127.0.0.0/8', '::1/128'].map(parseCidr);

/** Rules over one field each; they run first, and a field that fails here is not used by the rules below. */
const FIELD_RULES: readonly Rule[] = [
  {
    needs: ['nodeName'],
    check: (c) =>
      unless(/^[\w.-]*$/.test(c.nodeName), `"${c.nodeName}" may only hold letters, digits, ".", "_" and "-"`),
  },
  { needs: ['podCidrs'], check: (c) => c.podCidrs.flatMap((text) => failureOf(() => parseCidr(text))) },
  { needs: ['clusterCidrs'], check: (c) => c.clusterCidrs.flatMap((text) => failureOf(() => parseCidr(text))) },
  {
    needs: ['seeds', 'listenPort'],
    check: (c) => c.seeds.flatMap((seed) => failureOf(() => parseSeed(seed, c.listenPort))),
  },
  {
    needs: ['listenAddress'],
    check: (c) => (c.listenAddress === '' ? [] : failureOf(() => parseIpAddress(c.listenAddress))),
  },
  { needs: ['apiAddress'], check: (c) => (c.apiAddress === '' ? [] : loopbackProblems(c.apiAddress)) },
  {
    needs: ['metricsAddress'],
    check: (c) => (c.metricsAddress === '' ? [] : failureOf(() => parseIpAddress(c.metricsAddress))),
  },
  { needs: ['apiSocket'], check: (c) => socketPathProblems(c.apiSocket) },
  { needs: ['stateDir'], check: (c) => absolutePathProblems(c.stateDir) },
  { needs: ['runDir'], check: (c) => absolutePathProblems(c.runDir) },
  { needs: ['clusterSecretFile'], check: (c) => absolutePathProblems(c.clusterSecretFile) },
  { needs: ['trustedKeysFile'], check: (c) => absolutePathProblems(c.trustedKeysFile) },
  { needs: ['cniConfDir'], check: (c) => (c.cniConfDir === '' ? [] : absolutePathProblems(c.cniConfDir)) },
  { needs: ['cniBinDir'], check: (c) => (c.cniBinDir === '' ? [] : absolutePathProblems(c.cniBinDir)) },
  {
    needs: ['cniVersion'],
    check: (c) =>
      unless(
        CNI_VERSIONS.some((version) => version === c.cniVersion),
        `"${c.cniVersion}" is not a version Heddle speaks (expected one of ${CNI_VERSIONS.join(', ')})`,
      ),
  },
  { needs: ['cniChain'], check: (c) => failureOf(() => parseCniChain(c.cniChain)) },
  {
    needs: ['underlayMtu'],
    check: (c) =>
      unless(
        c.underlayMtu === 0 || c.underlayMtu >= MIN_UNDERLAY_MTU,
        `${c.underlayMtu} is too small (expected 0 or at least ${MIN_UNDERLAY_MTU})`,
      ),
  },
];

const CROSS_RULES: readonly Rule[] = [
  { needs: ['podCidrs'], check: (c) => c.podCidrs.flatMap((text) => podCidrProblems(parseCidr(text))) },
  { needs: ['podCidrs'], check: (c) => overlapProblems(c.podCidrs.map(parseCidr)) },
  {
    needs: ['podCidrs', 'clusterCidrs'],
    check: (c) => membershipProblems(c.podCidrs.map(parseCidr), c.clusterCidrs.map(parseCidr)),
  },
  { needs: ['clusterCidrs'], check: (c) => clusterCidrProblems(c.clusterCidrs.map(parseCidr)) },
  {
    needs: ['listenAddress', 'clusterCidrs'],
    check: (c) => underlayProblems(c.listenAddress === '' ? [] : [c.listenAddress], c),
  },
  {
    needs: ['seeds', 'clusterCidrs', 'listenPort'],
    check: (c) =>
      underlayProblems(
        c.seeds.flatMap((seed) => seedIp(seed, c.listenPort)),
        c,
      ),
  },
  {
    needs: ['tapName', 'bridgeName'],
    check: (c) => unless(c.tapName !== c.bridgeName, `"${c.tapName}" is the name of the bridge too`),
  },
  { needs: ['podMtu', 'podCidrs'], check: podMtuProblems },
  {
    needs: ['trust', 'kubernetes'],
    check: (c) => unless(c.trust !== 'kubernetes' || c.kubernetes, '"kubernetes" needs the setting kubernetes'),
  },
];

/** @param misshapen fields the schema already refused @returns every problem, in the order of the rules */
export function ruleProblems(config: Config, misshapen: ReadonlySet<ConfigFieldName>): RuleProblem[] {
  const first = runRules(FIELD_RULES, config, misshapen);
  const unusable = new Set([...misshapen, ...first.map((problem) => problem.field)]);
  return [...first, ...runRules(CROSS_RULES, config, unusable)];
}

function runRules(rules: readonly Rule[], config: Config, unusable: ReadonlySet<ConfigFieldName>): RuleProblem[] {
  return rules
    .filter((rule) => rule.needs.every((field) => !unusable.has(field)))
    .flatMap((rule) => rule.check(config).map((message) => ({ field: rule.needs[0]!, message })));
}

function unless(fine: boolean, message: string): string[] {
  return fine ? [] : [message];
}

function failureOf(parse: () => unknown): string[] {
  try {
    parse();
    return [];
  } catch (thrown) {
    return [messageOf(thrown)];
  }
}

function podCidrProblems(cidr: Cidr): string[] {
  const longest = MAX_POD_PREFIX[cidrFamily(cidr)];
  return unless(
    cidrPrefix(cidr) <= longest,
    `${cidr} is too small for a gateway and pods (expected /${longest} or larger)`,
  );
}

function overlapProblems(cidrs: readonly Cidr[]): string[] {
  return cidrs.flatMap((a, i) =>
    cidrs.slice(i + 1).flatMap((b) => unless(!cidrsOverlap(a, b), `${a} and ${b} overlap each other`)),
  );
}

function membershipProblems(podCidrs: readonly Cidr[], clusterCidrs: readonly Cidr[]): string[] {
  if (podCidrs.length > 0 && clusterCidrs.length === 0) {
    return [`${podCidrs.join(', ')} given without clusterCidrs (expected the ranges of all pods of the cluster too)`];
  }
  return podCidrs
    .filter((pod) => !clusterCidrs.some((cluster) => cidrIncludes(cluster, pod)))
    .map((pod) => `${pod} is not within clusterCidrs (${clusterCidrs.join(', ')})`);
}

function clusterCidrProblems(cidrs: readonly Cidr[]): string[] {
  const reserved = cidrs.flatMap((cidr) => {
    const range = RESERVED.find((candidate) => cidrsOverlap(cidr, candidate));
    return unless(range === undefined, `${cidr} overlaps the reserved range ${range ?? ''}`);
  });
  return [...reserved, ...overlapProblems(cidrs)];
}

/** An underlay address inside the pods' range would send Heddle's own datagrams into Heddle. */
function underlayProblems(addresses: readonly string[], config: Config): string[] {
  return addresses.map(parseIpAddress).flatMap((address) => {
    const cluster = config.clusterCidrs.map(parseCidr).find((cidr) => cidrContains(cidr, address));
    return unless(
      cluster === undefined,
      `${address} is an underlay address but lies within clusterCidrs (${cluster ?? ''})`,
    );
  });
}

function seedIp(seed: string, defaultPort: number): string[] {
  const parsed = parseSeed(seed, defaultPort);
  return parsed.type === 'address' ? [parsed.ip] : [];
}

function loopbackProblems(text: string): string[] {
  const failure = failureOf(() => parseIpAddress(text));
  if (failure.length > 0) return failure;
  const address = parseIpAddress(text);
  return unless(
    LOOPBACK.some((range) => cidrContains(range, address)),
    `"${text}" is not a loopback address (expected 127.0.0.1 or ::1; the API has no authentication of its own)`,
  );
}

function absolutePathProblems(path: string): string[] {
  return unless(path.startsWith('/') && !path.includes('\0'), `"${path}" is not an absolute path`);
}

function socketPathProblems(path: string): string[] {
  const bytes = Buffer.byteLength(path);
  const tooLong = `"${path}" has ${bytes} bytes (a unix socket's path holds at most ${MAX_SOCKET_PATH_BYTES})`;
  return [...absolutePathProblems(path), ...unless(bytes <= MAX_SOCKET_PATH_BYTES, tooLong)];
}

function podMtuProblems(config: Config): string[] {
  if (config.podMtu === 0) return [];
  const family = config.podCidrs.some((cidr) => cidrFamily(parseCidr(cidr)) === 6) ? 6 : 4;
  const least = MIN_POD_MTU[family];
  return unless(
    config.podMtu >= least,
    `${config.podMtu} is too small for IPv${family} (expected 0 or at least ${least})`,
  );
}
