/**
 * JSON routes of the API, free of any HTTP framework: path, documentation and answer of each. Not here: event stream,
 * metrics, the page, HTTP itself (`http-server.ts`).
 */
import type { TSchema } from 'typebox';
import { Type } from 'typebox';
import { RequestError } from '../../common/errors.js';
import type { ApiSource, PolicySource } from './api-source.js';
import { topologyCompletes } from './complete-topology.js';
import type { Readiness } from './documents.js';
import { reference } from './documents.js';
import { findPeer } from './peer-lookup.js';

export interface JsonAnswer {
  readonly status: number;
  readonly body: unknown;
}

export interface JsonRoute {
  /** A change, on the unix socket only; a question without. */
  readonly change?: 'PUT' | 'DELETE';
  /** Pattern as `/v1/peers/:id`. */
  readonly path: string;
  readonly tag: 'node' | 'mesh' | 'policy' | 'health';
  readonly summary: string;
  readonly description?: string;
  readonly params?: TSchema;
  /** Schema of the body by status. */
  readonly answers: Readonly<Record<number, TSchema>>;
  /** Throws `RequestError` for what cannot be answered. */
  handle(params: Readonly<Record<string, string>>): JsonAnswer | Promise<JsonAnswer>;
}

/** Where changes are allowed at all. */
export const CHANGES_PATH = '/v1/revoked/';
/** Longest node name that can be asked for: a DNS name. */
const MAX_PEER_KEY_LENGTH = 253;

/** `namespace/name`, the slash encoded. */
export const MAX_POD_KEY_LENGTH = 63 + '%2F'.length + 253;

const ok = (body: unknown): JsonAnswer => ({ status: 200, body });

/** @param onTopologyWatched called for every answer that shows the topology */
export function jsonRoutes(source: ApiSource, onTopologyWatched: () => void): readonly JsonRoute[] {
  return [
    ...nodeRoutes(source),
    ...meshRoutes(source, onTopologyWatched),
    ...policyRoutes(source),
    ...changeRoutes(source),
    ...healthRoutes(source),
  ];
}

function nodeRoutes(source: ApiSource): readonly JsonRoute[] {
  return [
    {
      path: '/v1/status',
      tag: 'node',
      summary: 'This node',
      answers: { 200: reference('Status') },
      handle: () => ok(source.status()),
    },
    {
      path: '/v1/endpoints',
      tag: 'node',
      summary: 'Pod interfaces on this node',
      answers: { 200: Type.Array(reference('Endpoint')) },
      handle: () => ok(source.endpoints()),
    },
  ];
}

function meshRoutes(source: ApiSource, onTopologyWatched: () => void): readonly JsonRoute[] {
  return [
    {
      path: '/v1/peers',
      tag: 'mesh',
      summary: 'All other nodes and the links to them',
      answers: { 200: Type.Array(reference('Peer')) },
      handle: () => ok(source.peers()),
    },
    {
      path: '/v1/peers/:id',
      tag: 'mesh',
      summary: 'One other node',
      description: 'By node id, by a unique prefix of at least four digits of it, or by name.',
      params: Type.Object({ id: Type.String({ minLength: 1, maxLength: MAX_PEER_KEY_LENGTH }) }),
      answers: { 200: reference('Peer'), 404: reference('Problem') },
      handle: (params) => ok(findPeer(source.peers(), params['id'] ?? '')),
    },
    {
      path: '/v1/routes',
      tag: 'mesh',
      summary: 'Pod CIDRs and their owners',
      answers: { 200: Type.Array(reference('Route')) },
      handle: () => ok(source.routes()),
    },
    {
      path: '/v1/topology',
      tag: 'mesh',
      summary: 'All nodes and links',
      answers: { 200: reference('Topology') },
      description: 'Waits up to a second for the reports of other nodes.',
      handle: async () => {
        onTopologyWatched();
        await topologyCompletes(source);
        return ok(source.topology());
      },
    },
  ];
}

function policyRoutes(source: ApiSource): readonly JsonRoute[] {
  const end = Type.String({ minLength: 1, maxLength: MAX_POD_KEY_LENGTH });
  const word = Type.String({ minLength: 1, maxLength: 16 });
  return [
    {
      path: '/v1/policies',
      tag: 'policy',
      summary: 'Network policies of the pods of this node',
      answers: { 200: Type.Array(reference('PodPolicies')) },
      handle: () => ok(policiesOf(source).ofLocalPods()),
    },
    {
      path: '/v1/policy-drops',
      tag: 'policy',
      summary: 'What network policies of this node dropped',
      answers: { 200: reference('PolicyDrops') },
      handle: () => ok(policiesOf(source).drops()),
    },
    {
      path: '/v1/policies/:pod',
      tag: 'policy',
      summary: 'Network policies of one pod of the cluster',
      description: 'By namespace/name (the slash as %2F), or by a name that only one pod has.',
      params: Type.Object({ pod: end }),
      answers: { 200: reference('PodPolicies') },
      handle: (params) => ok(policiesOf(source).ofPod(params['pod'] ?? '')),
    },
    {
      path: '/v1/policy-decisions/:from/:to/:protocol/:port',
      tag: 'policy',
      summary: 'Whether network policies allow traffic, and which of them decides',
      description:
        'Ends as a pod, or by address. Protocol TCP, UDP or SCTP. Port a number, or "any": one that no rule names.',
      params: Type.Object({ from: end, to: end, protocol: word, port: word }),
      answers: { 200: reference('PolicyDecision') },
      handle: ({ from = '', to = '', protocol = '', port = '' }) =>
        ok(policiesOf(source).decide({ from, to, protocol, port })),
    },
  ];
}

function policiesOf(source: ApiSource): PolicySource {
  const policies = source.policies();
  if (policies !== null) return policies;
  throw new RequestError(
    'NOT_FOUND',
    404,
    'this node keeps no network policies: that needs Kubernetes (settings kubernetes and networkPolicies)',
  );
}

/** For root on this node: these are on the unix socket only. */
function changeRoutes(source: ApiSource): readonly JsonRoute[] {
  const shared = {
    path: `${CHANGES_PATH}:id`,
    tag: 'mesh',
    description: 'By node id, by a unique prefix of at least four digits of it, or by name. On the unix socket only.',
    params: Type.Object({ id: Type.String({ minLength: 1, maxLength: MAX_PEER_KEY_LENGTH }) }),
    answers: { 200: reference('RevokedNode') },
  } as const;
  return [
    {
      ...shared,
      change: 'PUT',
      summary: 'Revoke a node: all nodes refuse it from now on',
      handle: (params) => ok(source.decide(params['id'] ?? '', true)),
    },
    {
      ...shared,
      change: 'DELETE',
      summary: 'Lift a revocation',
      handle: (params) => ok(source.decide(params['id'] ?? '', false)),
    },
  ];
}

function healthRoutes(source: ApiSource): readonly JsonRoute[] {
  return [
    {
      path: '/healthz',
      tag: 'health',
      summary: 'Whether the process answers at all',
      answers: { 200: reference('Liveness') },
      handle: () => ok({ ok: true }),
    },
    {
      path: '/readyz',
      tag: 'health',
      summary: 'Whether the node can serve pods, and what is missing',
      answers: { 200: reference('Readiness'), 503: reference('Readiness') },
      handle: () => {
        const { ready, conditions } = source.status();
        return { status: ready ? 200 : 503, body: { ready, conditions } satisfies Readiness };
      },
    },
  ];
}
