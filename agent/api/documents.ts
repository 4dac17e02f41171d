/**
 * Named documents of the API: the schemas of `common/api.ts` with the titles and descriptions of the OpenAPI document. A
 * field that no schema declares is never sent. Not here: which route answers with which document (`routes.ts`).
 */
import { Type } from 'typebox';
import type { Static, TSchema } from 'typebox';
import {
  ConditionSchema,
  EndpointSchema,
  PeerSchema,
  PodPoliciesSchema,
  PolicyDecisionSchema,
  PolicyDropsSchema,
  ProblemSchema,
  RevokedNodeSchema,
  RouteSchema,
  StatusSchema,
  TopologySchema,
} from '../../common/api.js';

const ReadinessSchema = Type.Object({
  ready: Type.Boolean({ description: 'True when every condition is met' }),
  conditions: Type.Array(ConditionSchema),
});
export type Readiness = Static<typeof ReadinessSchema>;

const LivenessSchema = Type.Object({ ok: Type.Literal(true) });

export type DocumentName = keyof typeof SOURCES;

const SOURCES = {
  Endpoint: [EndpointSchema, 'A local pod interface: container, interface, addresses, MAC'],
  Liveness: [LivenessSchema, 'The process answers'],
  Peer: [PeerSchema, 'Another node, and the encrypted link to it'],
  PodPolicies: [PodPoliciesSchema, 'The network policies of a pod, and what they let it do'],
  PolicyDrops: [PolicyDropsSchema, 'What network policies of this node dropped'],
  PolicyDecision: [PolicyDecisionSchema, 'Whether network policies allow traffic, and which of them decides'],
  Problem: [ProblemSchema, 'Why a request was refused: a stable code and a sentence'],
  Readiness: [ReadinessSchema, 'Whether the node can serve pods, and if not, what is missing'],
  RevokedNode: [RevokedNodeSchema, 'A node that an operator has revoked: it is refused by all nodes'],
  Route: [RouteSchema, 'One pod CIDR, who owns it, and how frames get there'],
  Status: [StatusSchema, 'This node: identity, readiness, addresses, drops'],
  Topology: [TopologySchema, 'Every known node and link, as this node sees them'],
} as const satisfies Record<string, readonly [TSchema, string]>;

/** Every document as JSON Schema with `$id` and `title`. */
export const DOCUMENTS: readonly TSchema[] = Object.entries(SOURCES).map(([name, [schema, description]]) => ({
  ...schema,
  $id: name,
  title: name,
  description,
}));

export function reference(name: DocumentName): TSchema {
  return { $ref: `${name}#` };
}
