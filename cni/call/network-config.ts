/** Network configuration that a runtime passes on standard input (CNI spec 1.1.0, section 1): schema and check. */
import { Type } from 'typebox';
import type { Static, TSchema } from 'typebox';
import { Errors } from 'typebox/value';
import { CNI_VERSIONS } from '../../common/cni-versions.js';
import { CniError, CNI_CODES } from '../cni-error.js';
import { DEFAULT_SPEC_VERSION, isSpecVersion } from './spec-version.js';
import type { SpecVersion } from './spec-version.js';

const AttachmentListSchema = Type.Array(Type.Object({ containerID: Type.String(), ifname: Type.String() }));
const RouteSchema = Type.Object({ dst: Type.String() });

/** A result of this plugin or of one before it. Fields that are read are checked, the others are passed on. */
const PrevResultSchema = Type.Object({
  interfaces: orNull(
    Type.Array(
      Type.Object({
        name: Type.String(),
        mac: Type.Optional(Type.String()),
        sandbox: Type.Optional(Type.String()),
      }),
    ),
  ),
  ips: orNull(Type.Array(Type.Object({ address: Type.String(), interface: Type.Optional(Type.Integer()) }))),
  routes: orNull(Type.Array(RouteSchema)),
  dns: orNull(Type.Object({})),
});
const TextList = orNull(Type.Array(Type.String()));
/** Capability `dns`. containerd 1.x writes the keys with capitals. */
const RuntimeDnsSchema = Type.Object({
  servers: TextList,
  searches: TextList,
  options: TextList,
  Servers: TextList,
  Searches: TextList,
  Options: TextList,
});

export type PrevResult = Static<typeof PrevResultSchema>;

/** Unknown keys are allowed, since runtimes and other plugins have their own. */
const NetworkConfigSchema = Type.Object({
  cniVersion: Type.String(),
  name: Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9_.\\-]*$', maxLength: 253 }),
  dns: Type.Optional(Type.Object({})),
  /** Whether the pod's default route leads through this interface. Absent: where no other interface has one. */
  defaultRoute: Type.Optional(Type.Boolean()),
  /** Metric of the routes of this interface. */
  routeMetric: Type.Optional(Type.Integer({ minimum: 1, maximum: 0xffff_ffff })),
  prevResult: Type.Optional(PrevResultSchema),
  runtimeConfig: Type.Optional(
    Type.Object({
      ips: Type.Optional(Type.Array(Type.String())),
      mac: Type.Optional(Type.String()),
      dns: Type.Optional(RuntimeDnsSchema),
    }),
  ),
  args: Type.Optional(
    Type.Object({ cni: Type.Optional(Type.Object({ ips: Type.Optional(Type.Array(Type.String())) })) }),
  ),
  'cni.dev/valid-attachments': Type.Optional(Type.Union([AttachmentListSchema, Type.Null()])),
  /** Its name in libcni 1.1.0. */
  'cni.dev/attachments': Type.Optional(Type.Union([AttachmentListSchema, Type.Null()])),
});
export type NetworkConfig = Static<typeof NetworkConfigSchema> & { readonly cniVersion: SpecVersion };

/** Throws {@link CniError} 6 when it is not JSON, 1 on an unsupported version, 7 on another shape. */
export function parseNetworkConfig(stdin: Uint8Array): NetworkConfig {
  const value = withoutNulls(parseJson(stdin));
  checkVersion(value);
  const problems = Errors(NetworkConfigSchema, value);
  if (problems.length > 0) {
    const details = problems.map((problem) => `${problem.instancePath || '/'} ${problem.message}`).join('; ');
    throw new CniError(CNI_CODES.invalidConfig, 'invalid network configuration', details);
  }
  return value as NetworkConfig;
}

/** Runtimes in Go write an empty list as null. */
function orNull<Schema extends TSchema>(schema: Schema) {
  return Type.Optional(Type.Union([schema, Type.Null()]));
}

/**
 * What the pod's resolver is to use: the runtime's wish (capability `dns`) before the configuration's, and that before the
 * result of a plugin before this one.
 */
export function dnsOf({ dns: own, prevResult, runtimeConfig }: NetworkConfig): object {
  const wish = runtimeConfig?.dns;
  const dns = { ...prevResult?.dns, ...own };
  if (wish === undefined) return dns;
  const lists = {
    nameservers: wish.servers ?? wish.Servers,
    search: wish.searches ?? wish.Searches,
    options: wish.options ?? wish.Options,
  };
  return { ...dns, ...Object.fromEntries(Object.entries(lists).filter(([, list]) => list && list.length > 0)) };
}

/** The version of the answer, also for an input that is otherwise invalid. */
export function versionOfInput(stdin: Uint8Array): string {
  try {
    const value: unknown = JSON.parse(Buffer.from(stdin).toString());
    const version = (value as { cniVersion?: unknown } | null)?.cniVersion;
    return typeof version === 'string' && /^[0-9.]{1,15}$/.test(version) ? version : DEFAULT_SPEC_VERSION;
  } catch {
    return DEFAULT_SPEC_VERSION; // parseNetworkConfig refuses the input and says why
  }
}

function parseJson(stdin: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(stdin));
  } catch {
    throw new CniError(
      CNI_CODES.decodingFailure,
      'network configuration is not JSON',
      `${stdin.length} bytes on standard input, expected one JSON object in UTF-8`,
    );
  }
}

/** Optional objects that are null count as absent: runtimes in Go write an unset one like that. */
function withoutNulls(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const optional = ['prevResult', 'runtimeConfig', 'args', 'dns'];
  return Object.fromEntries(Object.entries(value).filter(([key, held]) => held !== null || !optional.includes(key)));
}

function checkVersion(value: unknown): void {
  const version = (value as { cniVersion?: unknown } | null)?.cniVersion;
  if (typeof version === 'string' && isSpecVersion(version)) return;
  throw new CniError(
    CNI_CODES.incompatibleVersion,
    'incompatible CNI version',
    `cniVersion is ${JSON.stringify(version) ?? 'missing'}, supported are ${CNI_VERSIONS.join(', ')}`,
  );
}
