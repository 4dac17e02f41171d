/**
 * Responses to a runtime in the shape of its spec version: results, errors, versions.
 *
 * | version | ips | interfaces, routes |
 * |---|---|---|
 * | 0.3.x, 0.4.0 | with `version` "4" or "6" | plain |
 * | 1.0.0 | without | plain |
 * | 1.1.0 | without | with `mtu`, routes with `scope` and `priority` |
 */
import { hostCidr } from '../../common/address/cidr.js';
import { ipFamily } from '../../common/address/ip-address.js';
import { CNI_VERSIONS } from '../../common/cni-versions.js';
import { hostMacOf } from '../attachment.js';
import type { AttachmentPlan, PodAddress, PodRoute } from '../attachment.js';
import type { CniError } from '../cni-error.js';
import { dnsOf } from './network-config.js';
import type { NetworkConfig } from './network-config.js';
import type { CniResponse } from '../relay/relay-protocol.js';
import { isAtLeast } from './spec-version.js';
import type { SpecVersion } from './spec-version.js';

/** `RT_SCOPE_LINK` of rtnetlink(7). */
const SCOPE_LINK = 253;

/** The result of ADD: `prevResult` with this attachment appended. */
export function addResponse(plan: AttachmentPlan, config: NetworkConfig): CniResponse {
  const version = config.cniVersion;
  const before = config.prevResult ?? {};
  const firstInterface = before.interfaces?.length ?? 0;
  return success({
    ...before,
    cniVersion: version,
    interfaces: [...(before.interfaces ?? []), ...interfacesOf(plan, version)],
    ips: [...(before.ips ?? []), ...plan.addresses.map((address) => ipOf(address, firstInterface + 1, version))],
    routes: [...(before.routes ?? []), ...mainRoutes(plan).map((route) => routeOf(route, plan.mtuBytes, version))],
    dns: dnsOf(config),
  });
}

/** Not those of the table for its own addresses, which a plugin after this one would take for routes of the main table. */
function mainRoutes({ routes }: AttachmentPlan): readonly PodRoute[] {
  return routes.filter(({ table }) => table === null);
}

/** The response of verbs without a result. */
export function emptyResponse(): CniResponse {
  return { exitCode: 0, stdout: '' };
}

export function versionResponse(cniVersion: string): CniResponse {
  return success({ cniVersion, supportedVersions: CNI_VERSIONS });
}

export function errorResponse(error: CniError, cniVersion: string): CniResponse {
  const { cniCode: code, message: msg, details } = error;
  return {
    exitCode: 1,
    stdout: `${JSON.stringify({ cniVersion, code, msg, ...(details === '' ? {} : { details }) })}\n`,
  };
}

function success(value: object): CniResponse {
  return { exitCode: 0, stdout: `${JSON.stringify(value)}\n` };
}

function interfacesOf(plan: AttachmentPlan, version: SpecVersion): readonly object[] {
  const mtu = isAtLeast(version, '1.1.0') ? { mtu: plan.mtuBytes } : {};
  return [
    { name: plan.hostInterface, mac: hostMacOf(plan.owner), ...mtu },
    { name: plan.owner.ifname, mac: plan.mac, ...mtu, sandbox: plan.netns },
  ];
}

function ipOf(address: PodAddress, interfaceIndex: number, version: SpecVersion): object {
  return {
    ...(isAtLeast(version, '1.0.0') ? {} : { version: String(ipFamily(address.ip)) }),
    address: hostCidr(address.ip),
    gateway: address.gateway,
    interface: interfaceIndex,
  };
}

function routeOf(route: PodRoute, mtuBytes: number, version: SpecVersion): object {
  const extra = {
    mtu: mtuBytes,
    ...(route.gateway === null ? { scope: SCOPE_LINK } : {}),
    ...(route.metric === null ? {} : { priority: route.metric }),
  };
  return {
    dst: route.dst,
    ...(route.gateway === null ? {} : { gw: route.gateway }),
    ...(isAtLeast(version, '1.1.0') ? extra : {}),
  };
}
