/** Peers, routes and endpoints in the API's form, from the mesh core, the router's counters and the endpoint list. Pure. */
import type { Endpoint, Peer, Route } from '../../../common/api.js';
import type { EndpointRecord } from '../../../cni/index.js';
import type { NodeId } from '../../../common/node-id.js';
import type { PeerCounters } from '../../../common/router-port.js';
import { formatSocketAddress } from '../../../common/address/socket-address.js';
import type { LostClaim, MemberView, RouteView } from '../../../mesh/index.js';

/**
 * @param wallTime the wall-clock time of a moment on the core's clock
 * @param nameOf the name of a member, or its id when it has gone
 */
export function peerView(
  member: MemberView,
  counters: PeerCounters | undefined,
  wallTime: (ms: number) => Date,
  nameOf: (id: NodeId) => string,
): Peer {
  const path = pathOf(member.state, member.relay !== null);
  return {
    id: member.id,
    name: member.name,
    publicKey: Buffer.from(member.publicKey).toString('base64'),
    endpoint: member.endpoint === null ? null : formatSocketAddress(member.endpoint),
    path,
    state: member.state,
    reason: member.reason,
    cipher: member.cipher,
    rttMs: member.rttMs,
    mtuBytes: member.mtuBytes,
    lossRatio: lossOf(member.state, counters),
    rxBytes: counters?.rxBytes ?? 0,
    txBytes: counters?.txBytes ?? 0,
    rxFrames: counters?.rxFrames ?? 0,
    txFrames: counters?.txFrames ?? 0,
    podCidrs: [...member.podCidrs],
    since: wallTime(member.sinceMs).toISOString(),
    lastHandshake: member.lastHandshakeMs === null ? null : wallTime(member.lastHandshakeMs).toISOString(),
    version: member.version,
    secretIds: member.secretIds === null ? null : [...member.secretIds],
    via: path === 'relayed' && member.relay !== null ? nameOf(member.relay) : null,
    pathReason: path === 'relayed' ? member.relayReason : null,
  };
}

/** Towards a peer that is down, everything is lost. */
export function lossOf(state: MemberView['state'], counters: PeerCounters | undefined): number {
  return state === 'down' ? 1 : (counters?.lossRatio ?? 0);
}

export function pathOf(state: MemberView['state'], isRelayed: boolean): Peer['path'] {
  if (state !== 'up' && state !== 'stale') return 'none';
  return isRelayed ? 'relayed' : 'direct';
}

/** @param nameOf the name of a member, or its id when it has gone */
export function routeView(route: RouteView, self: NodeId, nameOf: (id: NodeId) => string): Route {
  return {
    cidr: route.cidr,
    node: route.ownerName,
    nodeId: route.owner,
    via: viaOf(route, self),
    conflict: route.conflict === null ? null : nameOf(route.conflict),
    conflictReason: route.conflictReason === null ? null : winReasonText(route.ownerName, route.conflictReason),
  };
}

/** Why the named node has a contested pod CIDR. */
export function winReasonText(winner: string, reason: LostClaim['reason']): string {
  const reasons = { reachable: 'can be reached', earlier: 'was in the cluster earlier', lowerId: 'has the lower id' };
  return `${winner} ${reasons[reason]}`;
}

function viaOf(route: RouteView, self: NodeId): Route['via'] {
  if (route.owner === self) return 'local';
  return route.usable ? 'link' : 'unreachable';
}

export function endpointView({ ips, routing, ...record }: EndpointRecord): Endpoint {
  const { defaultFamilies, clusterFamilies } = routing;
  return {
    ...record,
    ips: [...ips],
    routing: { ...routing, defaultFamilies: [...defaultFamilies], clusterFamilies: [...clusterFamilies] },
  };
}
